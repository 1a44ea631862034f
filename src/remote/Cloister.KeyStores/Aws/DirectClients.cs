using Amazon.Runtime;

namespace Cloister.KeyStores.Aws;

/// <summary>HTTP as the SDK is to speak it: to AWS itself, whatever proxies the environment names, since DEKs go along.</summary>
internal sealed class DirectClients(TimeSpan timeout) : HttpClientFactory
{
    public override HttpClient CreateHttpClient(IClientConfig clientConfig) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        ConnectTimeout = timeout,
        PooledConnectionLifetime = TimeSpan.FromMinutes(5),
    }) { Timeout = timeout };
}
