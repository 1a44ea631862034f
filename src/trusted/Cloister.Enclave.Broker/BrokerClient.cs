using System.Net.Http.Headers;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Cloister.Enclave.Custody.Leases;
using Cloister.Kbs;
using Cloister.Sockets;

// The one place of the trusted zone that connects to something: for custody attested and remote, when the configuration names brokers.
#pragma warning disable RS0030 // HttpClient

namespace Cloister.Enclave.Broker;

/// <summary>
/// Talks to brokers over TLS 1.3, server pinned: to the one that answered last, and when it does not answer, to the others in order.
/// Answers have at most 1 MiB. Thread-safe. secrets: tokens; DEKs on their way to be wrapped, as text in managed memory.
/// </summary>
public sealed class BrokerClient : IDisposable
{
    private static readonly JsonElement NoParameters = JsonDocument.Parse("\"\"").RootElement.Clone();
    private static readonly TimeSpan LongestProbe = TimeSpan.FromSeconds(10);

    private readonly BrokerOptions _options;
    private readonly HttpClient _http;
    private readonly TimeProvider _time;
    private readonly BrokerContact?[] _contacts;
    private int _last;

    /// <summary>Makes a client; it connects when it is used.</summary>
    /// <param name="options">Which brokers.</param>
    /// <param name="time">Counts what elapsed; null: the system's.</param>
    public BrokerClient(BrokerOptions options, TimeProvider? time = null)
    {
        _options = options;
        _time = time ?? TimeProvider.System;
        _contacts = new BrokerContact?[options.Urls.Count];
        SocketsHttpHandler handler = new()
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ConnectTimeout = options.Timeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        };
        handler.SslOptions.EnabledSslProtocols = SslProtocols.Tls13;
        handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        handler.SslOptions.RemoteCertificateValidationCallback = (sender, shown, chain, errors) => options.Pins.AcceptServer(sender, shown, chain, errors)
            ? true
            : throw new RefusedServerException("its key is not among broker.pins, in a certificate for brokers");
        if (options.Via.Count > 0)
        {
            handler.ConnectCallback = ConnectAsync;
        }

        _http = new HttpClient(handler) { MaxResponseContentBufferSize = KbsPaths.MaxBodySize, Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The broker that answered last.</summary>
    public Uri Current => _options.Urls[Volatile.Read(ref _last)];

    /// <summary>How the last attempt at each broker ended, in the order of the configuration.</summary>
    public IReadOnlyList<BrokerReach> Reach => [.. _options.Urls.Select((url, i) => Volatile.Read(ref _contacts[i]) is { } contact
        ? new BrokerReach(url, contact.AnsweredAt is { } at ? _time.GetElapsedTime(at) : null, contact.Failure)
        : new BrokerReach(url, null, null))];

    /// <summary>
    /// Asks each broker that has been quiet for a challenge, and drops it: only whether it answers within ten seconds is kept. A challenge costs a broker no
    /// state. Nothing that was decided changes, not even which broker is asked first.
    /// </summary>
    /// <param name="tee">Kind of TEE.</param>
    /// <param name="quiet">For how long no attempt at it ended.</param>
    /// <param name="cancellation">Ends it.</param>
    internal Task ProbeAsync(string tee, TimeSpan quiet, CancellationToken cancellation)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(new AuthRequest(KbsPaths.ProtocolVersion, tee, NoParameters), KbsJson.Default.AuthRequest);
        TimeSpan timeout = _options.Timeout < LongestProbe ? _options.Timeout : LongestProbe;
        return Task.WhenAll(Enumerable.Range(0, _contacts.Length)
            .Where(i => Volatile.Read(ref _contacts[i]) is not { } contact || _time.GetElapsedTime(contact.EndedAt) >= quiet)
            .Select(i => AskAsync(i, KbsPaths.Auth, body, null, null, timeout, cancellation)));
    }

    /// <summary>Asks for a challenge.</summary>
    /// <param name="tee">Kind of TEE.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <returns>The nonce, and the cookie that goes with it.</returns>
    /// <exception cref="BrokerException">No broker answers, or it refuses.</exception>
    public async ValueTask<(string Nonce, string Cookie)> AuthAsync(string tee, CancellationToken cancellation)
    {
        AuthRequest request = new(KbsPaths.ProtocolVersion, tee, NoParameters);
        BrokerAnswer answer = await PostAsync("auth", KbsPaths.Auth, request, KbsJson.Default.AuthRequest, null, null, TimeSpan.Zero, cancellation);
        Challenge challenge = answer.Read("auth", KbsJson.Default.Challenge);
        return answer.Cookie is { } cookie
            ? (challenge.Nonce, cookie)
            : throw new BrokerException(BrokerFailure.Refused, "auth", "the broker's answer has no session");
    }

    /// <summary>Asks for a lease, or renews one. A lease's token says that this is no stranger, who may have to wait.</summary>
    /// <exception cref="BrokerException">No broker answers, or it refuses.</exception>
    public async ValueTask<LeaseResponse> LeaseAsync(string cookie, string? token, LeaseRequest request, CancellationToken cancellation) =>
        (await PostAsync("lease", KbsPaths.Lease, request, KbsJson.Default.LeaseRequest, cookie, token, TimeSpan.Zero, cancellation))
            .Read("lease", KbsJson.Default.LeaseResponse);

    /// <summary>Waits for a change.</summary>
    /// <exception cref="BrokerException">No broker answers, or it refuses.</exception>
    public async ValueTask<WatchResponse> WatchAsync(string token, WatchRequest request, CancellationToken cancellation) =>
        (await PostAsync("watch", KbsPaths.Watch, request, KbsJson.Default.WatchRequest, null, token, TimeSpan.FromSeconds(request.WaitSeconds), cancellation))
            .Read("watch", KbsJson.Default.WatchResponse);

    /// <summary>Asks for a serving certificate.</summary>
    /// <exception cref="BrokerException">No broker answers, or it refuses.</exception>
    public async ValueTask<CertificateChain> CertificateAsync(string token, CertificateRequestMessage request, CancellationToken cancellation) =>
        (await PostAsync("certificate", KbsPaths.Certificate, request, KbsJson.Default.CertificateRequestMessage, null, token, TimeSpan.Zero, cancellation))
            .Read("certificate", KbsJson.Default.CertificateChain);

    /// <summary>Wraps keys under a KEK that is not released.</summary>
    /// <exception cref="BrokerException">No broker answers, or it refuses.</exception>
    public ValueTask<CryptoResponse> WrapAsync(string token, CryptoRequest request, CancellationToken cancellation) =>
        CryptoAsync("wrap", KbsPaths.Wrap, token, request, cancellation);

    /// <summary>Unwraps them.</summary>
    /// <exception cref="BrokerException">No broker answers, or it refuses.</exception>
    public ValueTask<CryptoResponse> UnwrapAsync(string token, CryptoRequest request, CancellationToken cancellation) =>
        CryptoAsync("unwrap", KbsPaths.Unwrap, token, request, cancellation);

    /// <summary>Closes connections.</summary>
    public void Dispose() => _http.Dispose();

    private async ValueTask<CryptoResponse> CryptoAsync(string step, string path, string token, CryptoRequest request, CancellationToken cancellation)
    {
        BrokerAnswer answer = await PostAsync(step, path, request, KbsJson.Default.CryptoRequest, null, token, TimeSpan.Zero, cancellation);
        try
        {
            CryptoResponse response = answer.Read(step, KbsJson.Default.CryptoResponse);
            return response.Items.Count == request.Items.Count
                ? response
                : throw new BrokerException(BrokerFailure.Refused, step, "the broker did not answer for every item");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(answer.Body);
        }
    }

    private async ValueTask<BrokerAnswer> PostAsync<T>(
        string step, string path, T request, JsonTypeInfo<T> type, string? cookie, string? token, TimeSpan wait, CancellationToken cancellation)
    {
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(request, type);
        BrokerAnswer? busy = null;
        List<string> attempts = [];
        bool isFault = false;
        int first = Volatile.Read(ref _last);
        for (int i = 0; i < _options.Urls.Count; i++)
        {
            int index = (first + i) % _options.Urls.Count;
            (BrokerAnswer? answer, RequestFailure? failure) = await AskAsync(index, path, body, cookie, token, _options.Timeout + wait, cancellation);
            if (answer is { IsBusy: false })
            {
                Volatile.Write(ref _last, index);
                return answer;
            }

            busy = answer ?? busy;
            if (failure is not null)
            {
                isFault |= failure.IsFault;
                attempts.Add($"{_options.Urls[index].Authority} {failure.Text}");
            }
        }

        string tried = string.Join("; ", attempts);
        return busy ?? throw (isFault
            ? new BrokerException(BrokerFailure.Fault, step, $"no broker could be asked: {tried}")
            : new BrokerException(BrokerFailure.Unavailable, step, $"no broker answers: {tried}"));
    }

    // One broker, and how that went.
    private async Task<(BrokerAnswer? Answer, RequestFailure? Failure)> AskAsync(
        int index, string path, byte[] body, string? cookie, string? token, TimeSpan timeout, CancellationToken cancellation)
    {
        using HttpRequestMessage message = new(HttpMethod.Post, new Uri(_options.Urls[index], path)) { Content = new ByteArrayContent(body) };
        message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        if (cookie is not null)
        {
            message.Headers.TryAddWithoutValidation("Cookie", $"{KbsPaths.SessionCookie}={cookie}");
        }

        if (token is not null)
        {
            message.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        try
        {
            BrokerAnswer answer = await SendAsync(message, timeout, cancellation);
            Note(index, null);
            return (answer, null);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            RequestFailure failure = RequestFailure.Of(e);
            Note(index, failure.Text);
            return (null, failure);
        }
    }

    private void Note(int index, string? failure)
    {
        long now = _time.GetTimestamp();
        Volatile.Write(ref _contacts[index], new BrokerContact(now, failure is null ? now : Volatile.Read(ref _contacts[index])?.AnsweredAt, failure ?? ""));
    }

    private async ValueTask<BrokerAnswer> SendAsync(HttpRequestMessage message, TimeSpan timeout, CancellationToken cancellation)
    {
        using CancellationTokenSource deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(timeout);
        using HttpResponseMessage response = await _http.SendAsync(message, HttpCompletionOption.ResponseContentRead, deadline.Token);
        return new BrokerAnswer(
            message.RequestUri!.Authority, response.StatusCode, await response.Content.ReadAsByteArrayAsync(deadline.Token), Session(response));
    }

    // Under TLS: whoever is at the other end still has to have a pinned key.
    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellation)
    {
        string broker = context.InitialRequestMessage.RequestUri!.Authority;
        int index = 0;
        while (_options.Urls[index].Authority != broker)
        {
            index++;
        }

        return new SocketStream(await StreamSocket.ConnectAsync(_options.Via[index], cancellation));
    }

    private static string? Session(HttpResponseMessage response)
    {
        const string Start = KbsPaths.SessionCookie + "=";
        string? cookie = response.Headers.TryGetValues("Set-Cookie", out IEnumerable<string>? cookies)
            ? cookies.FirstOrDefault(text => text.StartsWith(Start, StringComparison.Ordinal))
            : null;
        string value = cookie is null ? "" : cookie[Start.Length..].Split(';')[0];
        return value.Length is > 0 and <= 128 && value.All(char.IsAsciiLetterOrDigit) ? value : null;
    }

    private sealed record BrokerContact(long EndedAt, long? AnsweredAt, string Failure);
}
