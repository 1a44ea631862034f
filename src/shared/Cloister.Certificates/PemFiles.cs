using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Certificates;

/// <summary>
/// The one reader of PEM for TLS. Takes certificates with ECDSA keys on P-256, P-384 and P-521 and RSA keys of 2048 bits or more, keys in PKCS#8,
/// SEC 1 (<c>EC PRIVATE KEY</c>) and PKCS#1 (<c>RSA PRIVATE KEY</c>), not encrypted; authorities of any kind. Source: RFC 7468.
/// secrets: private keys pass through; texts of files are in managed memory until they are collected.
/// </summary>
public static class PemFiles
{
    private const string Certificate = "CERTIFICATE";

    /// <summary>Reads a certificate, its chain and its key.</summary>
    /// <param name="certificatePath">The certificate first, then those between it and the authority.</param>
    /// <param name="keyPath">The key; may be the same file.</param>
    /// <returns>The certificate with its key, and the others.</returns>
    /// <exception cref="PemException">They are not what is needed.</exception>
    public static (X509Certificate2 Leaf, X509Certificate2Collection Others) ReadIdentity(string certificatePath, string keyPath)
    {
        string certificates = Text(certificatePath);
        X509Certificate2Collection all = Certificates(certificatePath, certificates);
        if (KeyKind.Problem(all[0]) is { } problem)
        {
            throw new PemException($"{certificatePath} is not taken: {problem}");
        }

        string key = Text(keyPath);
        CheckKey(keyPath, key);
        try
        {
            X509Certificate2 leaf = X509Certificate2.CreateFromPem(certificates, key);
            all.RemoveAt(0);
            return (leaf, all);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new PemException($"{certificatePath} and {keyPath} do not belong together: the key is not that of the file's first certificate");
        }
    }

    /// <summary>Reads certificates of authorities, of any kind of key.</summary>
    /// <returns>At least one.</returns>
    /// <exception cref="PemException">There is none.</exception>
    public static X509Certificate2Collection ReadAuthorities(string path) => Certificates(path, Text(path));

    /// <summary>Reads certificates of authorities out of a text that was read already.</summary>
    /// <param name="name">What messages call it.</param>
    /// <param name="text">PEM.</param>
    /// <returns>At least one.</returns>
    /// <exception cref="PemException">There is none.</exception>
    public static X509Certificate2Collection ReadAuthorities(string name, string text) => Certificates(name, text);

    /// <summary>Reads a file whole.</summary>
    /// <exception cref="PemException">It cannot be read.</exception>
    public static byte[] ReadBytes(string path) => Read(path, File.ReadAllBytes);

    /// <summary>Reads an ECDSA key that needs no certificate.</summary>
    /// <exception cref="PemException">There is none.</exception>
    public static ECDsa ReadEcdsaKey(string path)
    {
        string text = Text(path);
        CheckKey(path, text);
        ECDsa key = ECDsa.Create();
        try
        {
            key.ImportFromPem(text);
            return key;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            key.Dispose();
            throw new PemException($"{path} holds no ECDSA key");
        }
    }

    private static string Text(string path) => Read(path, File.ReadAllText);

    private static T Read<T>(string path, Func<string, T> read)
    {
        try
        {
            return read(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new PemException($"{path} cannot be read: it does not exist");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PemException($"{path} cannot be read: check that it is a file and that this user may read it");
        }
    }

    private static X509Certificate2Collection Certificates(string path, string text)
    {
        List<string> labels = Labels(text);
        if (!labels.Contains(Certificate))
        {
            throw new PemException(labels switch
            {
                [] => $"{path} is not PEM{Der(text)}: it needs -----BEGIN CERTIFICATE-----",
                _ when labels.Contains("TRUSTED CERTIFICATE") => $"{path} is in OpenSSL's own format (TRUSTED CERTIFICATE): write it again with openssl x509 -in {path}",
                _ when labels.Exists(label => label.EndsWith("PRIVATE KEY", StringComparison.Ordinal)) => $"{path} holds a private key and no certificate: are certificate and key swapped?",
                _ => $"{path} holds no certificate, but {string.Join(", ", labels)}",
            });
        }

        try
        {
            X509Certificate2Collection all = [];
            all.ImportFromPem(text);
            return all;
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            throw new PemException($"{path} holds something that calls itself a certificate and is none: is it whole?");
        }
    }

    private static void CheckKey(string path, string text)
    {
        List<string> labels = Labels(text);
        if (labels.Contains("ENCRYPTED PRIVATE KEY") || text.Contains("Proc-Type: 4,ENCRYPTED", StringComparison.Ordinal))
        {
            throw new PemException($"{path} is encrypted with a password, which nobody could give at start: write it without one (openssl pkey -in {path}) into a file that only this user can read");
        }

        if (labels.Contains("OPENSSH PRIVATE KEY"))
        {
            throw new PemException($"{path} is in OpenSSH's format: write it as PKCS#8 (ssh-keygen -p -m PKCS8 -f {path})");
        }

        if (!labels.Exists(label => label is "PRIVATE KEY" or "EC PRIVATE KEY" or "RSA PRIVATE KEY"))
        {
            throw new PemException(labels.Count == 0
                ? $"{path} is not PEM{Der(text)}: it needs -----BEGIN PRIVATE KEY-----"
                : $"{path} holds no private key, but {string.Join(", ", labels.Distinct())}");
        }

        for (ReadOnlySpan<char> rest = text; PemEncoding.TryFind(rest, out PemFields fields); rest = rest[fields.Location.End..])
        {
            if (rest[fields.Label] is not "PRIVATE KEY")
            {
                continue;
            }

            byte[] key = Convert.FromBase64String(rest[fields.Base64Data].ToString());
            try
            {
                if (KeyKind.ProblemOfPkcs8(key) is { } problem)
                {
                    throw new PemException($"{path} is not taken: {problem}");
                }
            }
            finally
            {
                CryptographicOperations.ZeroMemory(key);
            }
        }
    }

    private static List<string> Labels(string text)
    {
        List<string> labels = [];
        for (ReadOnlySpan<char> rest = text; PemEncoding.TryFind(rest, out PemFields fields); rest = rest[fields.Location.End..])
        {
            labels.Add(rest[fields.Label].ToString());
        }

        return labels;
    }

    // A DER structure begins with a SEQUENCE.
    private static string Der(string text) => text.StartsWith('0') && text.Any(char.IsControl) ? " but DER (openssl ... -inform der converts it)" : "";
}
