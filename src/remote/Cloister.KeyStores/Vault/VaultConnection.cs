using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Cloister.Certificates;

namespace Cloister.KeyStores.Vault;

/// <summary>
/// Calls of the HTTP API. Answers that are neither 2xx, 400 nor 404 are failures here; what 400 and 404 mean, callers know.
/// secrets: bodies pass through and are wiped.
/// </summary>
internal sealed class VaultConnection : IDisposable
{
    private const long MaxAnswerSize = 8 << 20;

    private readonly HttpClient _http;
    private readonly VaultTransitOptions _options;

    public VaultConnection(VaultTransitOptions options)
    {
        if (options.Address.Scheme != Uri.UriSchemeHttps)
        {
            throw new ArgumentException("the address of Vault begins with https://", nameof(options));
        }

        _options = options;
        SocketsHttpHandler handler = new()
        {
            // To Vault itself: its token goes along, and DEKs.
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = options.Timeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        if (options.CaFile is not null)
        {
            X509ChainPolicy policy = new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
            };
            policy.CustomTrustStore.AddRange(Authorities(options.CaFile));
            handler.SslOptions = new SslClientAuthenticationOptions { CertificateChainPolicy = policy };
        }

        _http = new HttpClient(handler) { Timeout = options.Timeout, MaxResponseContentBufferSize = MaxAnswerSize };
    }

    /// <summary>Calls, and reads the answer. The body is wiped.</summary>
    public async Task<T> CallAsync<T>(HttpMethod method, string path, byte[]? body, Func<HttpStatusCode, JsonElement?, T> read, CancellationToken cancellation)
    {
        byte[] answer = [];
        try
        {
            using HttpRequestMessage request = new(method, new Uri(_options.Address, $"/v1/{path}"));
            string token = (await File.ReadAllTextAsync(_options.TokenFile, cancellation)).Trim();
            request.Headers.Add("X-Vault-Token", token);
            request.Headers.Add("X-Vault-Request", "true");
            if (body is not null)
            {
                request.Content = new ByteArrayContent(body);
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            }

            using HttpResponseMessage response = await _http.SendAsync(request, cancellation);
            answer = await response.Content.ReadAsByteArrayAsync(cancellation);
            ThrowIfFailed(response.StatusCode);
            if (answer.Length == 0)
            {
                return read(response.StatusCode, null);
            }

            using JsonDocument json = JsonDocument.Parse(answer);
            return read(response.StatusCode, json.RootElement);
        }
        catch (OperationCanceledException e) when (!cancellation.IsCancellationRequested)
        {
            throw new KeyStoreException(KeyStoreFailure.Unavailable, "Vault does not answer in time", e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or UnauthorizedAccessException or FormatException)
        {
            throw new KeyStoreException(KeyStoreFailure.Unavailable, "Vault or its token file cannot be reached", e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException and not ObjectDisposedException or KeyNotFoundException)
        {
            throw new KeyStoreException(KeyStoreFailure.Unavailable, "Vault answers with something else than its API says", e);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(body);
            CryptographicOperations.ZeroMemory(answer);
        }
    }

    public void Dispose() => _http.Dispose();

    private static X509Certificate2Collection Authorities(string file)
    {
        try
        {
            return PemFiles.ReadAuthorities(file);
        }
        catch (PemException e)
        {
            throw new KeyStoreException(KeyStoreFailure.Denied, $"Vault's authorities: {e.Message}", e);
        }
    }

    private static void ThrowIfFailed(HttpStatusCode status)
    {
        if ((int)status is >= 200 and < 300 || status is HttpStatusCode.BadRequest or HttpStatusCode.NotFound)
        {
            return;
        }

        throw status is HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized or HttpStatusCode.MethodNotAllowed
            ? new KeyStoreException(KeyStoreFailure.Denied, "Vault refuses: the token is not valid, or its policy does not allow the call")
            : new KeyStoreException(KeyStoreFailure.Unavailable, $"Vault answers with status {(int)status}");
    }
}
