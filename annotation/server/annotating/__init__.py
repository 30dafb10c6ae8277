"""The methods of AnnotationService, a module for each kind of them."""
