package sql

import (
	"fmt"
	"strings"
)

// refusedFunctions are functions of other systems that do not exist here, with what to write instead. Those that a
// package makes known after all are not refused.
var refusedFunctions = functionRefusals()

func functionRefusals() map[string]refusal {
	m := map[string]refusal{}
	add := func(names, msg, hint string) {
		for _, n := range strings.Fields(names) {
			m[n] = refusal{msg: fmt.Sprintf(msg, n), hint: hint}
		}
	}
	add("row_number rank dense_rank percent_rank cume_dist ntile lag lead nth_value", "window function %s() is not supported yet",
		"arg_max(value, order) keeps the value of the last row of a group")
	add("percentile percentile_exact", "aggregate %s() is not supported",
		"write approx_quantile(value, fraction)")
	add("count_if countif sum_if sumif avg_if avgif", "aggregate %s() is not supported", "write count(*) FILTER (WHERE condition), or sum(x) FILTER (WHERE condition)")
	add("corr covar_pop covar_samp regr_slope regr_intercept skewness kurtosis entropy product", "aggregate %s() is not supported", "")
	add("json_agg jsonb_agg json_object_agg histogram map_agg", "aggregate %s() is not supported", "array_agg makes an array")
	add("grouping grouping_id rollup cube", "%s() is not supported yet", "write a query for each set of keys, joined by UNION ALL")
	add("cumulate cumulate_start cumulate_end", "%s() is not supported inside GROUP BY", windowForms["CUMULATE"].example)
	add("slide", "%s() is not known", windowForms["HOP"].example)
	add("tumble_proctime hop_proctime session_proctime", "%s() is refused", "a batch that runs again must give the same rows")
	add("unnest explode explode_outer posexplode posexplode_outer inline flatten", "%s() makes rows, which an expression cannot", "write FROM … CROSS JOIN UNNEST(array) AS t(a)")
	add("transform list_transform array_transform list_apply array_filter list_filter reduce list_reduce zip_with any_match all_match none_match",
		"%s() takes a function, and there are none in expressions", "UNNEST makes rows of the elements")
	add("safe_cast try_convert", "%s() is not known", "write TRY_CAST(value AS type)")
	add("convert to_type", "%s() is not known", "write CAST(value AS type)")
	add("columns", "%s() is not supported", "list the columns")
	add("dblink query_table lastval nextval currval pg_sleep sleep getvariable", "%s() is not supported", "")
	add("map_from_entries", "%s() is not supported", "write MAP[key, value] or map(keys, values)")
	add("curtime current_time localtime", "%s() is not supported: there is no type time", "write date_trunc or extract of now()")
	return m
}
