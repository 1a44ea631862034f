using System.Security.Cryptography;

namespace Cloister.Broker.Tokens;

/// <summary>The keys of an authority at one time, each for one use. Immutable; it owns them. secrets: private keys.</summary>
public sealed class AuthorityKeySet : IDisposable
{
    /// <summary>Puts together.</summary>
    /// <param name="authority">Certifies: brokers' TLS certificates, the key of leases, and the key that follows it.</param>
    /// <param name="certificates">Its certificates, DER: its own by the key before it, and so on; the last by the first key, itself.</param>
    /// <param name="leases">Signs leases.</param>
    /// <param name="tokens">Sign tokens: the first does, all are accepted. At least one.</param>
    /// <param name="gateways">Issues gateways' certificates.</param>
    /// <param name="now">What time it is.</param>
    /// <exception cref="ArgumentException">The certificates are not a chain of this key's.</exception>
    public AuthorityKeySet(
        SigningKey authority, IReadOnlyList<byte[]> certificates, SigningKey leases, IReadOnlyList<SigningKey> tokens, GatewayAuthority gateways, DateTimeOffset now)
    {
        Id = AuthorityCertificates.AuthorityOf(certificates, authority.PublicKey)
            ?? throw new ArgumentException("the authority's certificates are not those of its keys", nameof(certificates));
        (Authority, Certificates, Leases, Tokens, Gateways) = (authority, certificates, leases, tokens, gateways);
        LeaseCertificates = [AuthorityCertificates.LeaseSigner(authority, leases, now), .. certificates];
    }

    private AuthorityKeySet(AuthorityKeySet like, IReadOnlyList<SigningKey> tokens)
    {
        (Id, Authority, Certificates, Leases, Gateways, LeaseCertificates) = (like.Id, like.Authority, like.Certificates, like.Leases, like.Gateways, like.LeaseCertificates);
        Tokens = tokens;
    }

    /// <summary>The authority, 32 hex digits: the name of its first key.</summary>
    public string Id { get; }

    /// <summary>Certifies.</summary>
    public SigningKey Authority { get; }

    /// <summary>Its certificates, the newest first.</summary>
    public IReadOnlyList<byte[]> Certificates { get; }

    /// <summary>Signs leases.</summary>
    public SigningKey Leases { get; }

    /// <summary>Certificates of the key of leases, its own first.</summary>
    public IReadOnlyList<byte[]> LeaseCertificates { get; }

    /// <summary>Sign tokens.</summary>
    public IReadOnlyList<SigningKey> Tokens { get; }

    /// <summary>Issues gateways' certificates.</summary>
    public GatewayAuthority Gateways { get; }

    /// <summary>Those of an authority that no database keeps: new ones, but for the authority's.</summary>
    public static AuthorityKeySet Of(ECDsa authority, DateTimeOffset now)
    {
        SigningKey key = new(authority);
        return new AuthorityKeySet(
            key, [AuthorityCertificates.First(key, now)], NewKey(), [NewKey()], new GatewayAuthority(GatewayAuthority.Derive(key), key.Name), now);
    }

    /// <summary>The same keys with those of tokens in another order.</summary>
    public AuthorityKeySet With(IReadOnlyList<SigningKey> tokens) => new(this, tokens);

    /// <inheritdoc />
    public void Dispose()
    {
        Authority.Dispose();
        Leases.Dispose();
        foreach (SigningKey key in Tokens)
        {
            key.Dispose();
        }

        Gateways.Dispose();
    }

    private static SigningKey NewKey() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256));
}
