using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Keks;
using Cloister.Broker.Tokens;
using Cloister.Kbs;

namespace Cloister.Broker.Host.Serving;

/// <summary>
/// Issues serving certificates to gateways of enclaves that have a lease (docs/broker-protocol.md, "Certificate"): in the audit log before it is
/// answered. Thread-safe. secrets: none; the certificate's key is the enclave's.
/// </summary>
internal sealed class CertificateService(
    PolicyCache policies, KekDirectory keks, RevocationList revocations, IAuditLog audit, BrokerAuthority authority, TimeProvider clock)
{
    private static readonly string[] Loopback = ["127.0.0.1", "::1", "localhost"];

    private readonly byte[] _root = authority.Gateways.MakeRoot(clock.GetUtcNow());

    /// <summary>The certificate and that of the authority of gateways.</summary>
    /// <exception cref="ProtocolException">It is refused.</exception>
    public async Task<CertificateChain> IssueAsync(VerifiedToken token, TokenLease lease, CertificateRequestMessage request, CancellationToken cancellation)
    {
        if (request.Request.Length is 0 or > KbsPaths.MaxCertificateRequestSize)
        {
            throw new ProtocolException(ProtocolError.BadRequest, $"request: 1 to {KbsPaths.MaxCertificateRequestSize} bytes");
        }

        if (lease.Gateway.Length == 0)
        {
            throw new ProtocolException(ProtocolError.PolicyDeny, "the evidence of this lease names no gateway's key: set gateway.tls.issuer to broker, and ask for a lease");
        }

        Kek kek = await keks.FindAsync(lease.Cluster, lease.Kek, cancellation);
        (await revocations.CurrentAsync(cancellation)).Check(lease.Instance, token.Subject.Measurement, token.Subject.Platforms, kek.Record.Name);
        PolicyInForce policy = await policies.FindAsync(kek.Record.Policy, cancellation);
        if (!token.Subject.Policies.Contains(policy.Id))
        {
            throw new ProtocolException(ProtocolError.PolicyDeny, "the policy of this KEK was changed since the lease: renew the lease");
        }

        string[] names = [.. Loopback.Union(policy.Policy.GatewayNames)];
        using X509Certificate2 issued = Issue(request.Request, lease.Gateway, names, token.Expires);
        await audit.AppendAsync(new AuditEvent("certificate.issued", new JsonObject
        {
            ["lease"] = lease.Lease, ["instance"] = lease.Instance, ["cluster"] = lease.Cluster, ["kek"] = lease.Kek, ["policy"] = policy.Id,
            ["serial"] = issued.SerialNumber, ["names"] = new JsonArray([.. names.Select(name => (JsonNode)name)]),
            ["expires"] = token.Expires.ToUnixTimeMilliseconds(),
        }), cancellation);
        return new CertificateChain([issued.RawData, _root]);
    }

    private X509Certificate2 Issue(byte[] request, string key, string[] names, DateTimeOffset end)
    {
        try
        {
            return authority.Gateways.Issue(request, key, names, clock.GetUtcNow(), end)
                ?? throw new ProtocolException(ProtocolError.PolicyDeny, "request: its key is not the one that the evidence of this lease names");
        }
        catch (CryptographicException)
        {
            throw new ProtocolException(ProtocolError.BadRequest, "request: not a PKCS#10 request in DER that an ECDSA P-256 key signed with SHA-256");
        }
    }
}
