using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Cli.Enclaves;

namespace Cloister.Cli.Dev;

/// <summary>
/// Certificates between an API server and the gateway of a simulated enclave: an authority whose key is thrown away, a server, a client.
/// For development: the keys lie in files beside each other.
/// </summary>
internal static class DevelopmentCertificates
{
    /// <summary>The name that the gateway lets in.</summary>
    internal const string ClientName = "kube-apiserver";

    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private const int ValidDays = 365;
    private const int RenewDays = 30;

    /// <summary>Makes them where there are none, or where they are soon over.</summary>
    /// <param name="files">Where.</param>
    /// <param name="issuer">PEM of the authority that issues the serving certificate, or null for that of the folder.</param>
    /// <exception cref="CliException">The folder cannot be written.</exception>
    internal static void Ensure(GatewayFiles files, string? issuer)
    {
        try
        {
            Directory.CreateDirectory(files.Folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            if (!AreGood(files))
            {
                Make(files);
            }

            Write(files.Ca, issuer ?? File.ReadAllText(files.ClientCa));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{files.Folder} cannot be used: {e.Message}");
        }
    }

    private static bool AreGood(GatewayFiles files)
    {
        string[] all = [files.ClientCa, files.ClientCertificate, files.ClientKey, files.ServerCertificate, files.ServerKey];
        if (!all.All(File.Exists))
        {
            return false;
        }

        try
        {
            using X509Certificate2 ca = X509CertificateLoader.LoadCertificateFromFile(files.ClientCa);
            return ca.NotAfter > DateTime.Now.AddDays(RenewDays);
        }
        catch (CryptographicException)
        {
            return false;
        }
    }

    private static void Make(GatewayFiles files)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new("CN=cloister development", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, false));
        DateTimeOffset from = DateTimeOffset.UtcNow.AddMinutes(-5);
        using X509Certificate2 ca = request.CreateSelfSigned(from, from.AddDays(ValidDays));
        Issue(ca, "cloister gateway", ServerAuthentication, files.ServerCertificate, files.ServerKey);
        Issue(ca, ClientName, ClientAuthentication, files.ClientCertificate, files.ClientKey);

        // Last: it is what says that the others are there.
        Write(files.ClientCa, ca.ExportCertificatePem());
    }

    private static void Issue(X509Certificate2 ca, string name, string purpose, string certificatePath, string keyPath)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        CertificateRequest request = new($"CN={name}", key, HashAlgorithmName.SHA256);
        SubjectAlternativeNameBuilder names = new();
        names.AddIpAddress(IPAddress.Loopback);
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(purpose)], false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(ca, true, false));
        byte[] serial = RandomNumberGenerator.GetBytes(16);
        serial[0] &= 0x7F;
        using X509Certificate2 certificate = request.Create(ca, ca.NotBefore, ca.NotAfter, serial);
        Write(certificatePath, certificate.ExportCertificatePem());
        Write(keyPath, key.ExportPkcs8PrivateKeyPem());
    }

    private static void Write(string path, string text)
    {
        string beside = path + ".new";
        using (FileStream stream = new(beside, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        }))
        {
            using StreamWriter writer = new(stream);
            writer.Write(text);
        }

        File.Move(beside, path, overwrite: true);
    }
}
