using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.Broker.Tests;
using Cloister.Kbs;
using JWE = Jose.JWE;

namespace Cloister.Bench.Broker;

/// <summary>An enclave's side of docs/broker-protocol.md over connections that are kept; what it gets is taken as it comes.</summary>
internal sealed class LoadClient : IDisposable
{
    private static readonly JsonElement NoParameters = JsonDocument.Parse("\"\"").RootElement.Clone();

    private readonly HttpClient _http;
    private readonly SimulatedEnclave _enclave;

    internal LoadClient(Uri url, string pin, SimulatedEnclave enclave)
    {
        _enclave = enclave;
        SocketsHttpHandler handler = new() { UseCookies = false, UseProxy = false, PooledConnectionLifetime = Timeout.InfiniteTimeSpan };
        handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls13;
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, chain, _) => chain!.ChainPolicy.ExtraStore.Any(sent =>
            $"sha256:{Convert.ToBase64String(SHA256.HashData(sent.PublicKey.ExportSubjectPublicKeyInfo()))}" == pin);
        _http = new HttpClient(handler) { BaseAddress = url, Timeout = TimeSpan.FromMinutes(1) };
    }

    /// <summary>Challenge, evidence, lease: the first release when it names no lease, else a renewal.</summary>
    /// <param name="kek">The KEK.</param>
    /// <param name="renewed">The lease to renew.</param>
    /// <param name="token">Its token, which says that this is no stranger.</param>
    internal async Task<(LeaseTerms Terms, FlattenedJwe Token)> LeaseAsync(string kek, LeaseTerms? renewed = null, string? token = null)
    {
        (Challenge challenge, string? cookie) = await PostAsync(
            KbsPaths.Auth, new AuthRequest(KbsPaths.ProtocolVersion, _enclave.TeeName, NoParameters), KbsJson.Default.AuthRequest, KbsJson.Default.Challenge);
        AttestRequest answer = _enclave.Answer(challenge.Nonce, SimulatedEnclave.Statement(kek, renewed?.Lease ?? ""));
        string[] have = renewed is null ? [] : [.. renewed.Versions.Select(version => version.KeyId)];
        (LeaseResponse lease, _) = await PostAsync(KbsPaths.Lease, new LeaseRequest(answer, have), KbsJson.Default.LeaseRequest, KbsJson.Default.LeaseResponse, cookie, token);
        LeaseTerms terms = JsonSerializer.Deserialize(Base64Url.DecodeFromChars(lease.Lease.Split('.')[1]), KbsJson.Default.LeaseTerms)!;
        return lease.Keys is not null == (terms.Release && renewed is null)
            ? (terms, lease.Token)
            : throw new InvalidOperationException("the lease did not bring the keys that it should");
    }

    /// <summary>A lease's token, opened with the attested key: an enclave's work, which is none of the load.</summary>
    internal string Open(FlattenedJwe token) => System.Text.Encoding.ASCII.GetString(JWE.Decrypt(JsonSerializer.Serialize(token, KbsJson.Default.FlattenedJwe), _enclave.Key).PlaintextBytes);

    /// <summary>Wraps or unwraps.</summary>
    internal async Task<IReadOnlyList<byte[]?>> CryptoAsync(string path, string token, string keyId, IReadOnlyList<byte[]> items)
    {
        (CryptoResponse answer, _) = await PostAsync(
            path, new CryptoRequest(keyId, "dek", "c1", "tee", items), KbsJson.Default.CryptoRequest, KbsJson.Default.CryptoResponse, token: token);
        return answer.Items.Count == items.Count && !answer.Items.Contains(null) ? answer.Items : throw new InvalidOperationException("not every item was answered");
    }

    public void Dispose() => _http.Dispose();

    private async Task<(TAnswer Answer, string? Cookie)> PostAsync<TRequest, TAnswer>(
        string path, TRequest body, JsonTypeInfo<TRequest> requestType, JsonTypeInfo<TAnswer> answerType, string? cookie = null, string? token = null)
    {
        using HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, requestType)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (cookie is not null)
        {
            request.Headers.TryAddWithoutValidation("Cookie", cookie);
        }

        if (token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using HttpResponseMessage response = await _http.SendAsync(request);
        byte[] answer = await response.Content.ReadAsByteArrayAsync();
        if (!response.IsSuccessStatusCode)
        {
            throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {System.Text.Encoding.UTF8.GetString(answer)}");
        }

        string? set = response.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? cookies) ? cookies.First().Split(';')[0] : null;
        return (JsonSerializer.Deserialize(answer, answerType)!, set);
    }
}
