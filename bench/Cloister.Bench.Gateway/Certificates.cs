using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Bench.Gateway;

/// <summary>An authority and a certificate for 127.0.0.1 that serves both ends, in files of a folder that is deleted at the end.</summary>
internal sealed class Certificates
{
    internal Certificates(string folder)
    {
        Directory.CreateDirectory(folder);
        Authority = Path.Combine(folder, "ca.crt");
        Certificate = Path.Combine(folder, "peer.crt");
        Key = Path.Combine(folder, "peer.key");
        DateTimeOffset from = DateTimeOffset.UtcNow.AddHours(-1);
        using ECDsa authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest authority = new("CN=bench", authorityKey, HashAlgorithmName.SHA256);
        authority.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using X509Certificate2 root = authority.CreateSelfSigned(from, from.AddDays(1));

        // grpc-proxy takes no client certificate that has a common name.
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("O=bench", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], false));
        using X509Certificate2 certificate = request.Create(root, from, from.AddHours(20), RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(Authority, root.ExportCertificatePem());
        File.WriteAllText(Certificate, certificate.ExportCertificatePem());
        File.WriteAllText(Key, key.ExportPkcs8PrivateKeyPem());
    }

    internal string Authority { get; }

    internal string Certificate { get; }

    internal string Key { get; }
}
