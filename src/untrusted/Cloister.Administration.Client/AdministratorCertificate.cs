using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Kbs;

namespace Cloister.Administration.Client;

/// <summary>
/// The key by which brokers know an administrator: ECDSA P-256, in a certificate signed by itself and marked for administrators. secrets: the private key.
/// </summary>
public static class AdministratorCertificate
{
    // Brokers take keys for 400 days at most, from the first certificate on.
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(365);

    /// <summary>A new key and its certificate.</summary>
    public static X509Certificate2 Create(string name, DateTimeOffset now)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X500DistinguishedNameBuilder subject = new();
        subject.AddCommonName(name);
        CertificateRequest request = new(subject.Build(), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: false, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(CertificateRole.UsageOf(CertificateRole.Administrator))], critical: false));
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri(CertificateRole.Administrator));
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(now.AddHours(-1), now + Lifetime);
    }

    /// <summary>What a broker's configuration names a certificate's key by.</summary>
    public static string PinOf(X509Certificate2 certificate) => "sha256:" + Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
}
