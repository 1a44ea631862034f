using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Administration.Client;
using Cloister.Certificates;
using Cloister.Kbs;

namespace Cloister.Cli.Brokers;

/// <summary>An administrator's key with a certificate around it, in two PEM files. secrets: the private key.</summary>
internal static class ClientIdentity
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // A broker takes a certificate for 400 days at most; one that ends soon is not waited for.
    private static readonly TimeSpan Longest = TimeSpan.FromDays(400);
    private static readonly TimeSpan Rest = TimeSpan.FromDays(7);

    /// <summary>Reads the files, or makes them. One that a broker takes no more, or not much longer, is made again.</summary>
    /// <exception cref="CliException">They cannot be read or made.</exception>
    internal static X509Certificate2 Open(string certificateFile, string keyFile)
    {
        try
        {
            if (!File.Exists(certificateFile) || !File.Exists(keyFile))
            {
                Make(certificateFile, keyFile);
            }

            X509Certificate2 identity = PemFiles.ReadIdentity(certificateFile, keyFile).Leaf;
            if (CertificateRole.Has(identity, CertificateRole.Administrator) && identity.NotAfter - identity.NotBefore <= Longest && identity.NotAfter - DateTime.Now > Rest)
            {
                return identity;
            }

            identity.Dispose();
            Make(certificateFile, keyFile);
            return PemFiles.ReadIdentity(certificateFile, keyFile).Leaf;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or PemException)
        {
            throw new CliException($"{certificateFile} and {keyFile} cannot be read or made: {e.Message}");
        }
    }

    /// <summary>Writes key and certificate for a browser: PKCS#12, readable by the owner only.</summary>
    /// <exception cref="CliException">It cannot be written.</exception>
    internal static void WriteForBrowser(X509Certificate2 identity, string file, string password)
    {
        byte[] content = identity.ExportPkcs12(Pkcs12ExportPbeParameters.Pbes2Aes256Sha256, password);
        try
        {
            // A file that is there keeps its mode when it is opened: it is made anew.
            File.Delete(file);
            using FileStream stream = new(file, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwner });
            stream.Write(content);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{file} cannot be written: {e.Message}");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(content);
        }
    }

    private static void Make(string certificateFile, string keyFile)
    {
        using X509Certificate2 made = AdministratorCertificate.Create("developer", DateTimeOffset.UtcNow);
        using ECDsa key = made.GetECDsaPrivateKey()!;
        using (FileStream stream = new(keyFile, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OnlyOwner }))
        using (StreamWriter writer = new(stream))
        {
            writer.Write(key.ExportPkcs8PrivateKeyPem());
        }

        File.WriteAllText(certificateFile, made.ExportCertificatePem());
    }
}
