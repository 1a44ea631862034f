using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Cloister.AdminApi;
using Cloister.Attestation.Certificates;

namespace Cloister.Cli.Brokers;

/// <summary>A broker's administration as its client sees it. Source: docs/broker-administration.md. Thread-safe.</summary>
internal sealed class BrokerAdmin : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string _pin;
    private readonly HttpClient _http;

    /// <summary>Makes a client; it connects when it is used.</summary>
    /// <param name="url"><c>https://ADDRESS:PORT</c> of the administration.</param>
    /// <param name="pin">The broker's pin.</param>
    /// <param name="identity">The administrator's certificate with its key, owned by the caller.</param>
    internal BrokerAdmin(string url, string pin, X509Certificate2 identity)
    {
        _pin = pin;
        SocketsHttpHandler handler = new() { AllowAutoRedirect = false, UseProxy = false };
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls13,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            ClientCertificateContext = SslStreamCertificateContext.Create(identity, null, offline: true),
            RemoteCertificateValidationCallback = (_, leaf, chain, _) => Accepts(leaf, chain),
        };
        _http = new HttpClient(handler) { BaseAddress = new Uri(url), Timeout = Patience };
    }

    /// <summary>Puts a policy in force.</summary>
    internal Task<PolicyDocument> SetPolicyAsync(string name, string yaml, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Put, $"{AdminPaths.Policies}/{name}", Body(new SetPolicyRequest(yaml), AdminJson.Default.SetPolicyRequest), AdminJson.Default.PolicyDocument, cancellation);

    /// <summary>All KEKs.</summary>
    internal Task<KekList> KeksAsync(CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, AdminPaths.Keks, null, AdminJson.Default.KekList, cancellation);

    /// <summary>Makes a KEK.</summary>
    internal Task<KekSummary> CreateKekAsync(CreateKekRequest request, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, AdminPaths.Keks, Body(request, AdminJson.Default.CreateKekRequest), AdminJson.Default.KekSummary, cancellation);

    /// <summary>Leases, ended ones too.</summary>
    internal Task<EnclaveList> EnclavesAsync(CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, $"{AdminPaths.Enclaves}?ended=true", null, AdminJson.Default.EnclaveList, cancellation);

    /// <summary>Revokes.</summary>
    internal Task<ChangeResult> RevokeAsync(RevokeRequest request, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, AdminPaths.Revocations, Body(request, AdminJson.Default.RevokeRequest), AdminJson.Default.ChangeResult, cancellation);

    /// <summary>Splits a KEK version into recovery shares. secrets: the shares are the KEK.</summary>
    internal Task<ExportedKek> ExportAsync(string kek, int version, ExportKekRequest request, CancellationToken cancellation) =>
        SendAsync(
            HttpMethod.Post, $"{AdminPaths.Keks}/{kek}/versions/{version}/export", Body(request, AdminJson.Default.ExportKekRequest), AdminJson.Default.ExportedKek, cancellation);

    /// <summary>Every entry of the audit log: its kind and its details.</summary>
    internal async Task<IReadOnlyList<(string Kind, JsonNode Details)>> AuditAsync(CancellationToken cancellation)
    {
        byte[] lines = await SendAsync(HttpMethod.Get, AdminPaths.Audit, null, cancellation);
        return
        [
            .. Encoding.UTF8.GetString(lines).Split('\n', StringSplitOptions.RemoveEmptyEntries)
                .Select(line => JsonNode.Parse(line)!["entry"])
                .OfType<JsonNode>()
                .Select(entry => (entry["kind"]!.GetValue<string>(), JsonNode.Parse(entry["details"]!.GetValue<string>())!)),
        ];
    }

    /// <summary>Closes connections.</summary>
    public void Dispose() => _http.Dispose();

    private static ByteArrayContent Body<T>(T request, JsonTypeInfo<T> type)
    {
        ByteArrayContent content = new(JsonSerializer.SerializeToUtf8Bytes(request, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> SendAsync<T>(HttpMethod method, string path, HttpContent? body, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        byte[] answer = await SendAsync(method, path, body, cancellation);
        try
        {
            return JsonSerializer.Deserialize(answer, type)!;
        }
        catch (JsonException)
        {
            throw new CliException($"what the broker answers to {method} {path} is not understood: it is of another version than this program");
        }
    }

    private async Task<byte[]> SendAsync(HttpMethod method, string path, HttpContent? body, CancellationToken cancellation)
    {
        try
        {
            using HttpRequestMessage request = new(method, path) { Content = body };
            using HttpResponseMessage response = await _http.SendAsync(request, cancellation);
            byte[] answer = await response.Content.ReadAsByteArrayAsync(cancellation);
            return response.StatusCode == HttpStatusCode.OK
                ? answer
                : throw new CliException($"the broker refuses {method} {path}: {(int)response.StatusCode} {Reason(answer)}", ExitCode.No);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new CliException($"the broker's administration at {_http.BaseAddress} does not answer ({e.GetBaseException().Message}): check that it runs, and pin and certificate");
        }
    }

    private static string Reason(byte[] answer)
    {
        try
        {
            return JsonSerializer.Deserialize(answer, AdminJson.Default.AdminError) is { } error ? $"{error.Error}: {error.Detail}" : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    // The leaf is of a pinned key, or signed by a pinned key whose certificate came with it; names and dates are not looked at.
    private bool Accepts(X509Certificate? certificate, X509Chain? chain) =>
        certificate is X509Certificate2 leaf
        && chain is not null
        && (ClientIdentity.Pin(leaf) == _pin
            || chain.ChainPolicy.ExtraStore.Any(issuer =>
                ClientIdentity.Pin(issuer) == _pin && Certificate.Parse(leaf.RawDataMemory).IsSignedBy(Certificate.Parse(issuer.RawDataMemory))));
}
