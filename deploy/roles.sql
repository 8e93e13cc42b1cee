-- The roles of the database, once, by a superuser (docs/decisions/row-walls.md):
--   psql -v owner_password=… -v application_password=… -f deploy/roles.sql
-- Owns the tables: migrations, backups and what is restored.
CREATE ROLE damancom LOGIN CREATEDB PASSWORD :'owner_password';
-- What web, worker and clock log in as: owns nothing, inherits nothing, sees no row by itself.
CREATE ROLE damancom_app LOGIN NOINHERIT PASSWORD :'application_password';
-- The two that it takes by turns: the rows of one affiliate, or all of them.
CREATE ROLE damancom_rows NOLOGIN;
CREATE ROLE damancom_desk NOLOGIN;
-- The server's log tells what failed, never the statement nor the row: they name people.
ALTER ROLE damancom SET log_min_error_statement = 'panic';
ALTER ROLE damancom SET log_error_verbosity = 'terse';
ALTER ROLE damancom_app SET log_min_error_statement = 'panic';
ALTER ROLE damancom_app SET log_error_verbosity = 'terse';
GRANT damancom_rows, damancom_desk TO damancom, damancom_app;
