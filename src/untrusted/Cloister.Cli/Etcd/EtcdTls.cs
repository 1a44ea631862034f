using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Cloister.Certificates;

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
            X509ChainPolicy policy = new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
            };
            policy.CustomTrustStore.AddRange(Read("--cacert", () => PemFiles.ReadAuthorities(caPath)));
            tls.CertificateChainPolicy = policy;
        }

        if (options is { CertificatePath: { } certificatePath, KeyPath: { } keyPath })
        {
            (X509Certificate2 leaf, X509Certificate2Collection others) = Read("--cert and --key", () => PemFiles.ReadIdentity(certificatePath, keyPath));
            tls.ClientCertificateContext = SslStreamCertificateContext.Create(leaf, others, offline: true);
        }

        return tls;
    }

    private static T Read<T>(string option, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (PemException e)
        {
            throw new CliException($"{option}: {e.Message}");
        }
    }
}
