using System.Security.Cryptography.X509Certificates;

namespace Cloister.Broker.Administration;

/// <summary>HTTP from a broker to others than vendors and key stores (witnesses, providers of OpenID Connect, collectors): no proxy, no redirects, no cookies, answers of 64 KiB at most.</summary>
public static class OutsideHttp
{
    /// <summary>A client.</summary>
    /// <param name="caFile">Authorities in PEM that alone are trusted; null: the system's.</param>
    public static HttpClient Client(string? caFile)
    {
        SocketsHttpHandler handler = new() { UseProxy = false, AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = TimeSpan.FromSeconds(5) };
        if (caFile is not null)
        {
            X509ChainPolicy policy = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            policy.CustomTrustStore.ImportFromPemFile(caFile);
            handler.SslOptions.CertificateChainPolicy = policy;
        }

        return new HttpClient(handler) { Timeout = TimeSpan.FromSeconds(10), MaxResponseContentBufferSize = 64 * 1024 };
    }
}
