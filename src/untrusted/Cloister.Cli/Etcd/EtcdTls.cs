using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Cli.Etcd;

/// <summary>TLS to etcd: the server's name and chain are always checked.</summary>
internal static class EtcdTls
{
    /// <exception cref="CliException">A file is not what it should be.</exception>
    internal static SslClientAuthenticationOptions Create(EtcdOptions options)
    {
        SslClientAuthenticationOptions tls = new();
        if (options.CaPath is { } caPath)
        {
            // Only these authorities, not the system's as well.
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            Read("--cacert", caPath, () => policy.CustomTrustStore.ImportFromPemFile(caPath));
            if (policy.CustomTrustStore.Count == 0)
            {
                throw new CliException($"--cacert: {caPath} holds no certificate in PEM");
            }

            tls.CertificateChainPolicy = policy;
        }

        if (options is { CertificatePath: { } certificatePath, KeyPath: { } keyPath })
        {
            Read("--cert and --key", certificatePath, () =>
            {
                X509Certificate2Collection chain = [];
                chain.ImportFromPemFile(certificatePath);
                X509Certificate2 leaf = X509Certificate2.CreateFromPemFile(certificatePath, keyPath);
                tls.ClientCertificateContext = SslStreamCertificateContext.Create(leaf, chain, offline: true);
            });
        }

        return tls;
    }

    private static void Read(string option, string path, Action read)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new CliException($"{option}: {path} cannot be used: {(e is IOException or UnauthorizedAccessException ? e.Message : "not the PEM that is expected here, or certificate and key do not match")}");
        }
    }
}
