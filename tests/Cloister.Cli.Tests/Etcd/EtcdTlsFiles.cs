using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Cli.Tests.Harness;

namespace Cloister.Cli.Tests.Etcd;

/// <summary>An authority, a server and a client of it, and an authority that has nothing to do with them.</summary>
internal sealed class EtcdTlsFiles
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddHours(-1);
    private static readonly DateTimeOffset To = DateTimeOffset.UtcNow.AddHours(5);

    private readonly ScratchFolder _folder;

    internal EtcdTlsFiles(ScratchFolder folder)
    {
        _folder = folder;
        using X509Certificate2 ca = Authority("ca");
        using X509Certificate2 other = Authority("other");
        Issue(ca, "server");
        Issue(ca, "client");
    }

    internal string Ca => _folder["ca.pem"];

    internal string OtherCa => _folder["other.pem"];

    internal string ServerCertificate => _folder["server.pem"];

    internal string ServerKey => _folder["server.key"];

    internal string ClientCertificate => _folder["client.pem"];

    internal string ClientKey => _folder["client.key"];

    private X509Certificate2 Authority(string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        X509Certificate2 certificate = request.CreateSelfSigned(From, To);
        File.WriteAllText(_folder[$"{name}.pem"], certificate.ExportCertificatePem());
        return certificate;
    }

    private void Issue(X509Certificate2 ca, string name)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.1"), new Oid("1.3.6.1.5.5.7.3.2")], false));
        using X509Certificate2 certificate = request.Create(ca, From, To, RandomNumberGenerator.GetBytes(8));
        File.WriteAllText(_folder[$"{name}.pem"], certificate.ExportCertificatePem());
        File.WriteAllText(_folder[$"{name}.key"], key.ExportPkcs8PrivateKeyPem());
    }
}
