CREATE DATABASE annotations;
