using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Broker.Tokens;

/// <summary>
/// What a broker shows TLS clients when no certificate is given: a leaf of its own key, issued by the authority's key, and the authority's
/// certificates, by whose pins enclaves know it. Addresses and DNS names are not checked, keys and the role are.
/// secrets: the leaf's private key.
/// </summary>
public sealed class TlsIdentity : IDisposable
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(90);

    internal TlsIdentity(AuthorityKeySet keys, string role, DateTimeOffset now)
    {
        Authorities = [.. keys.Certificates.Select(X509CertificateLoader.LoadCertificate)];
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using X509Certificate2 issued = keys.Authority.Use(authority => AuthorityCertificates.Leaf(
            authority, AuthorityCertificates.Name(keys.Authority.Name), role, "cloister-broker", new PublicKey(key), new SubjectAlternativeNameBuilder(), now, now + Lifetime));
        Leaf = issued.CopyWithPrivateKey(key);
    }

    /// <summary>The leaf, with its key.</summary>
    public X509Certificate2 Leaf { get; }

    /// <summary>The authority's certificates, the newest first, to be sent behind the leaf.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>The certificate of the key that signed the leaf.</summary>
    public X509Certificate2 Authority => Authorities[0];

    /// <inheritdoc />
    public void Dispose()
    {
        Leaf.Dispose();
        foreach (X509Certificate2 authority in Authorities)
        {
            authority.Dispose();
        }
    }
}
