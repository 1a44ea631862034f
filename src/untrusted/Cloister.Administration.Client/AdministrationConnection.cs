using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.AdminApi;
using Cloister.Kbs;

namespace Cloister.Administration.Client;

/// <summary>Requests and answers over mutual TLS 1.3. Thread-safe. secrets: the administrator's key; bodies may be recovery shares.</summary>
internal sealed class AdministrationConnection : IDisposable
{
    private readonly HttpClient _http;
    private readonly string _clientPin;
    private volatile bool _isBroker;

    internal AdministrationConnection(Uri broker, BrokerPin pin, X509Certificate2 administrator)
    {
        if (broker.Scheme != Uri.UriSchemeHttps)
        {
            throw new ArgumentException("a broker's address begins with https://", nameof(broker));
        }

        _clientPin = AdministratorCertificate.PinOf(administrator);
        SocketsHttpHandler handler = new()
        {
            // To the broker whose key is pinned, or not at all.
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,

            // What a broker is told of a trace is AdministrationTraces' business.
            ActivityHeadersPropagator = null,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            SslOptions = new SslClientAuthenticationOptions
            {
                EnabledSslProtocols = SslProtocols.Tls13,
                LocalCertificateSelectionCallback = (_, _, _, _, _) => administrator,
                RemoteCertificateValidationCallback = (sender, certificate, chain, errors) => (_isBroker = pin.Accepts(sender, certificate, chain, errors))
                    ? true
                    : throw new RefusedServerException(
                        $"it does not have the key that is pinned, {pin}, in a certificate for administration: it is another broker, or somebody between, or not the address of 'admin.listen'"),
            },
        };
        _http = new HttpClient(handler) { BaseAddress = broker };
    }

    /// <summary>Until when this administrator's key counts, once the broker has said that it ends soon; null before.</summary>
    internal string? KeyExpires { get; private set; }

    public void Dispose() => _http.Dispose();

    internal Task<TAnswer> GetAsync<TAnswer>(string path, JsonTypeInfo<TAnswer> answer, CancellationToken cancellation)
        where TAnswer : class => SendAsync(new HttpRequestMessage(HttpMethod.Get, path), answer, cancellation);

    internal Task<TAnswer> SendAsync<TBody, TAnswer>(
        HttpMethod method, string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answer, CancellationToken cancellation)
        where TAnswer : class => SendAsync(new HttpRequestMessage(method, path) { Content = Content(body, bodyType) }, answer, cancellation);

    internal async Task<TAnswer> SendAsync<TAnswer>(HttpRequestMessage request, JsonTypeInfo<TAnswer> answer, CancellationToken cancellation)
        where TAnswer : class
    {
        using HttpResponseMessage response = await SendAsync(request, cancellation);
        return response.StatusCode == HttpStatusCode.Accepted
            ? throw new ApprovalNeededException(await ReadAsync(response, AdminJson.Default.PendingRequest, cancellation))
            : await ReadAsync(response, answer, cancellation);
    }

    internal async Task<TwoPersonAnswer<TAnswer>> SendForTwoAsync<TBody, TAnswer>(
        string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<TAnswer> answer, CancellationToken cancellation)
        where TAnswer : class
    {
        using HttpResponseMessage response = await SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = Content(body, bodyType) }, cancellation);
        return response.StatusCode == HttpStatusCode.Accepted
            ? new TwoPersonAnswer<TAnswer>(null, await ReadAsync(response, AdminJson.Default.PendingRequest, cancellation))
            : new TwoPersonAnswer<TAnswer>(await ReadAsync(response, answer, cancellation), null);
    }

    /// <summary>An answer, which is not an error. The caller disposes it.</summary>
    /// <exception cref="AdministrationRefusedException">An error of the protocol.</exception>
    /// <exception cref="BrokerUnreachableException">No answer, or none of this protocol.</exception>
    internal async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation)
    {
        HttpResponseMessage response;
        using Activity? span = AdministrationTraces.Begin(request);
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            span?.SetStatus(ActivityStatusCode.Error);
            throw new BrokerUnreachableException(Explain(e), e);
        }

        span?.SetTag("http.response.status_code", (int)response.StatusCode);

        if (response.Headers.TryGetValues(AdminPaths.KeyExpiresHeader, out IEnumerable<string>? ends))
        {
            KeyExpires = ends.First();
        }

        if (response.IsSuccessStatusCode)
        {
            return response;
        }

        using (response)
        {
            AdminError error = await ReadAsync(response, AdminJson.Default.AdminError, cancellation);
            throw new AdministrationRefusedException(error.Error, error.Detail);
        }
    }

    private string Explain(Exception exception)
    {
        RequestFailure failure = RequestFailure.Of(exception);
        bool closed = _isBroker && exception is HttpRequestException { HttpRequestError: not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError) };
        return failure.IsFault ? $"{_http.BaseAddress} could not be asked: {failure.Text}"
            : closed ? $"{_http.BaseAddress} closed the connection: it does not know this client's key, or the certificate is not marked for administrators ('cloister admin keygen' makes one that is). An administrator's key is in the broker's configuration as {_clientPin}"
            : $"no broker answers at {_http.BaseAddress}: {failure.Text}";
    }

    private static ByteArrayContent Content<T>(T body, JsonTypeInfo<T> type)
    {
        ByteArrayContent content = new(JsonSerializer.SerializeToUtf8Bytes(body, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellation)
        where T : class
    {
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellation);
            return await JsonSerializer.DeserializeAsync(body, type, cancellation) ?? throw new JsonException();
        }
        catch (Exception e) when (e is JsonException or IOException)
        {
            throw new BrokerUnreachableException($"{_http.BaseAddress} answered {(int)response.StatusCode} and something else than a broker's administration would: is it the address of 'admin.listen'?", e);
        }
    }
}
