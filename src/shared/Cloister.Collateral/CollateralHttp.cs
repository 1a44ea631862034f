using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace Cloister.Collateral;

/// <summary>HTTP to sources of collateral: no redirects, no cookies, ten seconds. Collateral is signed: who carries it does not matter, but whoever does can hold it back.</summary>
public static class CollateralHttp
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>A client.</summary>
    /// <param name="proxy">HTTP proxy on the way; null: none, whatever the environment says.</param>
    /// <param name="authorities">Authorities in PEM that alone are trusted; null: the system's.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">There is no certificate in it.</exception>
    public static HttpClient Client(Uri? proxy, string? authorities)
    {
        SocketsHttpHandler handler = new()
        {
            UseProxy = proxy is not null,
            Proxy = proxy is null ? null : new WebProxy(proxy),
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = Timeout,
        };
        if (authorities is not null)
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
            policy.CustomTrustStore.ImportFromPem(authorities);
            if (policy.CustomTrustStore.Count == 0)
            {
                throw new System.Security.Cryptography.CryptographicException("there is no certificate in PEM");
            }

            handler.SslOptions.CertificateChainPolicy = policy;
        }

        return new HttpClient(handler) { Timeout = Timeout };
    }
}
