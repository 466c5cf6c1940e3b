package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go/protocol"
)

// versionMax returns the highest version of a request that a broker takes, asking once per broker. The Transport's
// own table is of no use here: it is cut to what kafka-go knows, and a version too high is answered by hanging up.
func (c *Client) versionMax(ctx context.Context, node int32, key protocol.ApiKey) (int16, error) {
	c.mu.Lock()
	known := c.versions[node]
	c.mu.Unlock()
	if known == nil {
		asked, err := c.apiVersions(ctx, node)
		if err != nil {
			return 0, fmt.Errorf("ask for api versions: %w", err)
		}
		c.mu.Lock()
		c.versions[node] = asked
		c.mu.Unlock()
		known = asked
	}
	v, ok := known[key]
	if !ok {
		return 0, fmt.Errorf("%s requests: %w", key, codeUnsupportedVersion)
	}
	return v, nil
}

func (c *Client) apiVersions(ctx context.Context, node int32) (map[protocol.ApiKey]int16, error) {
	res, err := c.send(ctx, call{node: node, key: protocol.ApiVersions, body: func(*request) {}})
	if err != nil {
		return nil, err
	}
	return parseAPIVersions(res.body)
}

func parseAPIVersions(body []byte) (map[protocol.ApiKey]int16, error) {
	a := answer{b: body}
	if code := Code(a.int16()); code != 0 {
		return nil, code
	}
	versions := map[protocol.ApiKey]int16{}
	a.each(func() {
		key := protocol.ApiKey(a.int16())
		a.int16() // the lowest version
		versions[key] = a.int16()
	})
	return versions, a.err
}
