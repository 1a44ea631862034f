using System.Collections.Concurrent;
using System.Net.Http.Json;

namespace Cloister.Gateway.Tests.Support;

/// <summary>Creates Secrets through an API server, changes each once, and knows what was acknowledged.</summary>
internal sealed class SecretWriter(HttpClient api, string prefix)
{
    private const string Path = "/api/v1/namespaces/default/secrets";

    private readonly ConcurrentDictionary<string, string> _acknowledged = [];

    /// <summary>Names and the last password that was acknowledged.</summary>
    internal IReadOnlyDictionary<string, string> Acknowledged => _acknowledged;

    internal async Task RunAsync(CancellationToken over)
    {
        for (int i = 0; !over.IsCancellationRequested; i++)
        {
            string name = $"{prefix}-{i}";
            if (await SendAsync(HttpMethod.Post, Path, new { apiVersion = "v1", kind = "Secret", metadata = new { name }, stringData = new { password = Created(name) } }))
            {
                _acknowledged[name] = Created(name);
                if (await SendAsync(HttpMethod.Patch, $"{Path}/{name}", new { stringData = new { password = Changed(name) } }))
                {
                    _acknowledged[name] = Changed(name);
                }
            }

            await Task.Delay(50, CancellationToken.None);
        }
    }

    /// <summary>Writes a Secret again, with an annotation.</summary>
    internal Task<bool> RewriteAsync(string name) =>
        SendAsync(HttpMethod.Patch, $"{Path}/{name}", new { metadata = new { annotations = new { rewritten = "1" } } });

    /// <summary>Whether a password may be there when one was acknowledged: it, or the change whose answer did not come.</summary>
    internal static bool MayBe(string name, string acknowledged, string found) => found == acknowledged || found == Changed(name);

    private static string Created(string name) => $"TOPSECRET of {name}, created";

    private static string Changed(string name) => $"TOPSECRET of {name}, changed";

    private async Task<bool> SendAsync(HttpMethod method, string path, object body)
    {
        using HttpRequestMessage request = new(method, path) { Content = JsonContent.Create(body) };
        request.Content.Headers.ContentType = new(method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json");
        try
        {
            using HttpResponseMessage response = await api.SendAsync(request, CancellationToken.None);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return false;
        }
    }
}
