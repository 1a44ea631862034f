using System.Net;
using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.Kbs;

namespace Cloister.Broker.Tests.Processes;

/// <summary>Speaks docs/broker-protocol.md, without checking anything but the pin.</summary>
internal sealed class KbsClient : IDisposable
{
    private readonly HttpClient _http;

    public KbsClient(Uri url, string pin)
    {
        SocketsHttpHandler handler = new() { UseCookies = false, UseProxy = false, AllowAutoRedirect = false };
        handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls13;
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        handler.SslOptions.RemoteCertificateValidationCallback = (_, _, chain, _) => chain!.ChainPolicy.ExtraStore.Any(sent => BrokerProcess.PinOf(sent) == pin);
        _http = new HttpClient(handler) { BaseAddress = url, Timeout = BrokerProcess.Timeout };
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async Task<(string Nonce, string Session)> AuthAsync(string tee = "sgx")
    {
        KbsAnswer answer = await PostAsync(KbsPaths.Auth, $$$"""{"version":"0.4.0","tee":"{{{tee}}}","extra-params":{"supported-hash-algorithms":["sha384"]}}""");
        string cookie = answer.Cookie!;
        Assert.StartsWith("kbs-session-id=", cookie, StringComparison.Ordinal);
        return (answer.Ok(KbsJson.Default.Challenge).Nonce, cookie["kbs-session-id=".Length..].Split(';')[0]);
    }

    /// <summary>Challenge and lease, as an enclave does it.</summary>
    public async Task<KbsAnswer> LeaseAsync(SimulatedEnclave enclave, string kek, string lease = "", params string[] have)
    {
        (string nonce, string session) = await AuthAsync(enclave.TeeName);
        return await LeaseAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, lease, gateway: enclave.GatewayDigest)), have);
    }

    public Task<KbsAnswer> LeaseAsync(string session, AttestRequest attestation, params string[] have) =>
        PostAsync(KbsPaths.Lease, Json(new LeaseRequest(attestation, have), KbsJson.Default.LeaseRequest), session);

    /// <summary>Challenge and renewal, as an enclave does it: with the token of the lease.</summary>
    public async Task<KbsAnswer> RenewAsync(SimulatedEnclave enclave, string kek, ReceivedLease lease, Func<AttestRequest, AttestRequest>? change = null)
    {
        (string nonce, string session) = await AuthAsync(enclave.TeeName);
        AttestRequest attestation = enclave.Answer(nonce, SimulatedEnclave.Statement(kek, lease.Terms.Lease, gateway: enclave.GatewayDigest));
        LeaseRequest request = new(change?.Invoke(attestation) ?? attestation, []);
        return await PostAsync(KbsPaths.Lease, Json(request, KbsJson.Default.LeaseRequest), session, lease.Token);
    }

    /// <summary>Challenge and token, as a KBS client does it that names its KEK.</summary>
    public async Task<(string Token, string Session)> AttestAsync(SimulatedEnclave enclave, string kek)
    {
        (string nonce, string session) = await AuthAsync(enclave.TeeName);
        KbsAnswer answer = await AttestAsync(session, enclave.Answer(nonce, SimulatedEnclave.Statement(kek, purpose: StatementPurpose.Resource)));
        return (answer.Ok(KbsJson.Default.TokenResponse).Token, session);
    }

    public Task<KbsAnswer> AttestAsync(string session, AttestRequest attestation) =>
        PostAsync(KbsPaths.Attest, Json(attestation, KbsJson.Default.AttestRequest), session);

    public Task<KbsAnswer> WatchAsync(string token, string etag, int waitSeconds) =>
        PostAsync(KbsPaths.Watch, Json(new WatchRequest(etag, waitSeconds), KbsJson.Default.WatchRequest), token: token);

    public Task<KbsAnswer> CryptoAsync(string path, string token, string keyId, IReadOnlyList<byte[]> items, string cluster = "c1", string provider = "tee") =>
        PostAsync(path, Json(new CryptoRequest(keyId, "dek", cluster, provider, items), KbsJson.Default.CryptoRequest), token: token);

    public Task<KbsAnswer> GetAsync(string path, string? session = null, string? token = null) => SendAsync(new HttpRequestMessage(HttpMethod.Get, path), session, token);

    public Task<KbsAnswer> PostAsync(string path, string body, string? session = null, string? token = null) =>
        SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") }, session, token);

    public void Dispose() => _http.Dispose();

    private static string Json<T>(T message, JsonTypeInfo<T> type) => JsonSerializer.Serialize(message, type);

    private async Task<KbsAnswer> SendAsync(HttpRequestMessage request, string? session, string? token)
    {
        using HttpRequestMessage sent = request;
        if (session is not null)
        {
            sent.Headers.TryAddWithoutValidation("Cookie", $"{KbsPaths.SessionCookie}={session}");
        }

        if (token is not null)
        {
            sent.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        using HttpResponseMessage response = await _http.SendAsync(sent, Cancellation);
        string? cookie = response.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? cookies) ? cookies.Single() : null;
        return new KbsAnswer(response.StatusCode, await response.Content.ReadAsStringAsync(Cancellation), cookie);
    }
}

/// <summary>An answer.</summary>
internal sealed record KbsAnswer(HttpStatusCode Status, string Body, string? Cookie)
{
    /// <summary>The body of an answer that must be 200.</summary>
    public T Ok<T>(JsonTypeInfo<T> type)
    {
        Assert.True(Status == HttpStatusCode.OK, $"{(int)Status} {Body}");
        return JsonSerializer.Deserialize(Body, type)!;
    }

    /// <summary>The detail of an error that must be this one.</summary>
    public string Refused(int status, string name)
    {
        Assert.True((int)Status == status, $"{(int)Status} {Body}");
        KbsError error = JsonSerializer.Deserialize(Body, KbsJson.Default.KbsError)!;
        Assert.Equal(KbsPaths.ErrorTypePrefix + name, error.Type);
        Assert.NotEmpty(error.Detail);
        return error.Detail;
    }
}
