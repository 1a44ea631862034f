using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Cloister.Administration.Client;
using Cloister.Certificates;

namespace Cloister.Cli.Relay;

/// <summary>The key by which an enclave knows a relay, in a PEM file that only its owner can read. secrets: the private key.</summary>
internal sealed class RelayKey
{
    private const UnixFileMode OnlyOwner = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    // Enclaves look at the key alone.
    private static readonly DateTimeOffset Begin = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset End = new(2099, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private RelayKey(ECDsa key)
    {
        X509Certificate2 certificate = new CertificateRequest("CN=cloister-relay", key, HashAlgorithmName.SHA256).CreateSelfSigned(Begin, End);
        Certificate = SslStreamCertificateContext.Create(certificate, null, offline: true);
        Pin = AdministratorCertificate.PinOf(certificate);
    }

    /// <summary>What the relay shows.</summary>
    internal SslStreamCertificateContext Certificate { get; }

    /// <summary>What the enclave's configuration names it by: <c>sha256:</c> and base64.</summary>
    internal string Pin { get; }

    /// <summary>Reads a key.</summary>
    /// <exception cref="CliException">It is not one, or others can read it.</exception>
    internal static RelayKey Read(string path)
    {
        try
        {
            if ((File.GetUnixFileMode(path) & ~OnlyOwner & (UnixFileMode)0b111_111_111 & ~UnixFileMode.UserExecute) != 0)
            {
                throw new CliException($"--key: {path} can be used by others than its owner: chmod 0600 it; if it was like that for a while, make a new key");
            }

            using ECDsa key = PemFiles.ReadEcdsaKey(path);
            return new RelayKey(key);
        }
        catch (PemException e)
        {
            throw new CliException($"--key: {e.Message}; 'cloister relay keygen' makes a key");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"--key: {path} cannot be read ({e.Message}); 'cloister relay keygen' makes a key");
        }
    }

    /// <summary>Makes a key, in a file that is not there yet.</summary>
    /// <exception cref="CliException">It cannot be written.</exception>
    internal static RelayKey Make(string path)
    {
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        try
        {
            using FileStream file = new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = OnlyOwner });
            using StreamWriter writer = new(file);
            writer.Write(key.ExportPkcs8PrivateKeyPem() + "\n");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CliException($"--key: {path} cannot be made ({e.Message}); a key that is there already is not replaced");
        }

        return new RelayKey(key);
    }
}
