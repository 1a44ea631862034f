package apiserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"cloister/integrations/apiserver/secretsv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	defaultTimeout = 3 * time.Second

	// What the service takes and gives.
	maxMessage = 4 << 20
)

// Options say where the enclave is and what it is called.
type Options struct {
	// Endpoint is unix:///path/to/secrets.sock.
	Endpoint string
	// Provider is the name that stored values carry, equal to the KMS provider's.
	Provider string
	// Timeout bounds one call; 0 is 3 s.
	Timeout time.Duration
}

// Provider is a connection to an enclave and its Transformer.
type Provider struct {
	*Transformer
	connection *grpc.ClientConn
	name       string
}

// New connects. It does not wait for the enclave: calls fail until it answers, and heal when it does.
func New(options Options) (*Provider, error) {
	path, found := strings.CutPrefix(options.Endpoint, "unix://")
	if !found || !strings.HasPrefix(path, "/") {
		return nil, fmt.Errorf("endpoint %q is not unix:///path/to/secrets.sock", options.Endpoint)
	}
	if options.Provider == "" || strings.Contains(options.Provider, ":") {
		return nil, errors.New("the provider's name is empty or has a colon")
	}
	connection, err := grpc.NewClient("passthrough:///"+path,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithAuthority("localhost"),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true), grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}))
	if err != nil {
		return nil, err
	}
	if options.Timeout == 0 {
		options.Timeout = defaultTimeout
	}
	return &Provider{
		Transformer: &Transformer{
			client:  secretsv1.NewSecretsClient(connection),
			prefix:  []byte("k8s:enc:kms:v2:" + options.Provider + ":"),
			timeout: options.Timeout,
		},
		connection: connection,
		name:       options.Provider,
	}, nil
}

// Name of the health check.
func (p *Provider) Name() string { return "cloister-secrets" }

// Check asks Status whether the enclave encrypts now, under the configured name: for readyz.
func (p *Provider) Check(request *http.Request) error {
	ctx, cancel := context.WithTimeout(request.Context(), p.timeout)
	defer cancel()
	answer, err := p.client.Status(ctx, &secretsv1.StatusRequest{})
	switch {
	case err != nil:
		return explain("status", err)
	case answer.Version != "v1" || answer.KeyId == "":
		return fmt.Errorf("status: the enclave speaks version %q, v1 is expected", answer.Version)
	case answer.Provider != p.name:
		return fmt.Errorf("status: the enclave serves provider %q, %q is configured", answer.Provider, p.name)
	case answer.Healthz != "ok":
		return fmt.Errorf("status: %s", answer.Healthz)
	}
	return nil
}

// Close ends the connection.
func (p *Provider) Close() error { return p.connection.Close() }
