using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json.Nodes;

namespace Cloister.Cli.Demo;

/// <summary>Secrets of namespace <c>default</c> through the REST interface of an API server, one request each, so that they can be timed.</summary>
internal sealed class SecretsApi : IDisposable
{
    private const string Path = "api/v1/namespaces/default/secrets";

    private readonly HttpClient _client;

    private SecretsApi(HttpClient client)
    {
        _client = client;
    }

    /// <summary>Opens it as a kubeconfig says.</summary>
    /// <param name="kubeconfig">The kubeconfig as JSON, with the authority's certificates in it.</param>
    internal static SecretsApi Open(JsonNode kubeconfig)
    {
        JsonNode cluster = kubeconfig["clusters"]![0]!["cluster"]!;
        X509Certificate2Collection authority = [];
        authority.ImportFromPem(Encoding.ASCII.GetString(Convert.FromBase64String(cluster["certificate-authority-data"]!.GetValue<string>())));
        X509ChainPolicy trust = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        trust.CustomTrustStore.AddRange(authority.Where(certificate => certificate.Subject == certificate.Issuer).ToArray());
        HttpClient client = new(new SocketsHttpHandler
        {
            // The API server of the demonstration, on this machine.
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = trust },
        })
        {
            BaseAddress = new Uri(cluster["server"]!.GetValue<string>() + "/"),
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", kubeconfig["users"]![0]!["user"]!["token"]!.GetValue<string>());
        return new SecretsApi(client);
    }

    /// <summary>Creates a Secret.</summary>
    /// <exception cref="CliException">The API server refuses.</exception>
    internal async Task<bool> CreateAsync(string name, byte[] value, CancellationToken cancellation)
    {
        JsonObject secret = new()
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Secret",
            ["metadata"] = new JsonObject { ["name"] = name },
            ["data"] = new JsonObject { ["value"] = Convert.ToBase64String(value) },
        };
        using StringContent body = new(secret.ToJsonString(), Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await _client.PostAsync(Path, body, cancellation);
        return response.IsSuccessStatusCode ? true : throw Refused(name, response);
    }

    /// <summary>Reads it.</summary>
    /// <exception cref="CliException">The API server refuses.</exception>
    internal async Task<byte[]> ReadAsync(string name, CancellationToken cancellation)
    {
        using HttpResponseMessage response = await _client.GetAsync($"{Path}/{name}", cancellation);
        if (!response.IsSuccessStatusCode)
        {
            throw Refused(name, response);
        }

        JsonNode secret = (await response.Content.ReadFromJsonAsync(DemoJson.Default.JsonNode, cancellation))!;
        return Convert.FromBase64String(secret["data"]!["value"]!.GetValue<string>());
    }

    public void Dispose() => _client.Dispose();

    private static CliException Refused(string name, HttpResponseMessage response) => new($"the API server answers {(int)response.StatusCode} for Secret {name}");
}
