using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Cli.Brokers;

/// <summary>An administrator's key with a certificate around it, in two PEM files. secrets: the private key.</summary>
internal static class ClientIdentity
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Reads the files, or makes them.</summary>
    /// <exception cref="CliException">They cannot be read or made.</exception>
    internal static X509Certificate2 Open(string certificateFile, string keyFile)
    {
        try
        {
            if (!File.Exists(certificateFile) || !File.Exists(keyFile))
            {
                Make(certificateFile, keyFile);
            }

            return X509Certificate2.CreateFromPemFile(certificateFile, keyFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
        {
            throw new CliException($"{certificateFile} and {keyFile} cannot be read or made: {e.Message}");
        }
    }

    /// <summary>What a broker's configuration names: <c>sha256:</c> and base64 of SHA-256 of the SubjectPublicKeyInfo.</summary>
    internal static string Pin(X509Certificate2 certificate) =>
        $"sha256:{Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()))}";

    // Dates and names do not matter: the broker looks at the key alone.
    private static void Make(string certificateFile, string keyFile)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 made = new CertificateRequest("CN=cloister administrator", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddYears(10));
        using (FileStream stream = new(keyFile, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OnlyOwner }))
        using (StreamWriter writer = new(stream))
        {
            writer.Write(key.ExportPkcs8PrivateKeyPem());
        }

        File.WriteAllText(certificateFile, made.ExportCertificatePem());
    }
}
