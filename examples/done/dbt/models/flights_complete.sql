-- A day counts when it has its marker. DuckDB finds them by name, and reads none.
WITH complete AS (
  SELECT regexp_extract(file, 'dt=([^/]+)/_SUCCESS$', 1) AS dt
  FROM glob('{{ env_var("LAKE") }}/dt=*/_SUCCESS')
)
SELECT CAST(f.dt AS varchar) AS dt, f.origin, sum(f.flights) AS flights
FROM {{ source('lake', 'flights_daily') }} f
WHERE CAST(f.dt AS varchar) IN (SELECT dt FROM complete)
GROUP BY 1, 2
