using System.Net.Sockets;
using System.Security.Authentication;

namespace Cloister.Kbs;

/// <summary>
/// What failed when a broker was asked and no answer came: name, connect, handshake, pin, answer or time-out, as .NET's HTTP client tells them apart. What
/// it does not know is a fault of this program and never the broker's. Texts are for operators. secrets: none; no exception's text is copied.
/// </summary>
/// <param name="Text">The step in a word, and what is wrong.</param>
/// <param name="IsFault">True when it is this program's.</param>
public sealed record RequestFailure(string Text, bool IsFault)
{
    /// <summary>Names a failure.</summary>
    /// <param name="failure">What the client threw.</param>
    public static RequestFailure Of(Exception failure)
    {
        string? peer = failure switch
        {
            OperationCanceledException => "time-out: no answer in time",
            HttpRequestException http => http.HttpRequestError switch
            {
                HttpRequestError.NameResolutionError => $"name: it does not resolve here ({Socket(http)})",
                HttpRequestError.ConnectionError when Socket(http) is { } error => $"connect: {error}",
                HttpRequestError.SecureConnectionError => Handshake(http.InnerException),
                HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse or HttpRequestError.HttpProtocolError
                    or HttpRequestError.ConfigurationLimitExceeded => $"answer: {http.HttpRequestError}",
                HttpRequestError.Unknown when Ended(http.InnerException) => "answer: the connection ended",
                _ => null,
            },
            _ => null,
        };
        return peer is null
            ? new RequestFailure($"fault of this program: {Types(failure)}", true)
            : new RequestFailure(peer, false);
    }

    /// <summary>
    /// True for what TLS throws when this program cannot build chains, such as for want of a home of the user: no peer did that. What .NET throws for a file
    /// has errno as its HResult; what it throws for a connection has not.
    /// </summary>
    public static bool IsFaultOfTls(Exception? failure) =>
        failure is TypeInitializationException or (InvalidOperationException and not ObjectDisposedException) or UnauthorizedAccessException
            or IOException { HResult: > 0 } or FileNotFoundException or DirectoryNotFoundException
        || failure is AuthenticationException or IOException && IsFaultOfTls(failure.InnerException);

    private static string? Handshake(Exception? inner) => inner switch
    {
        _ when IsFaultOfTls(inner) => null,
        RefusedServerException refused => $"pin: {refused.Message}",
        AuthenticationException { InnerException: RefusedServerException refused } => $"pin: {refused.Message}",
        AuthenticationException => "handshake: no TLS 1.3 with it",
        _ when Ended(inner) => "handshake: the connection ended",
        _ => null,
    };

    private static bool Ended(Exception? inner) => inner is IOException or SocketException;

    private static SocketError? Socket(HttpRequestException failure) => failure.InnerException is SocketException e ? e.SocketErrorCode : null;

    private static string Types(Exception failure)
    {
        string types = failure.GetType().Name;
        for (Exception? inner = failure.InnerException; inner is not null; inner = inner.InnerException)
        {
            types += $", {inner.GetType().Name}";
        }

        return types;
    }
}

/// <summary>A TLS server is not the one that is wanted: thrown by who looks at its certificate, so that nothing else passes for that.</summary>
/// <param name="reason">What the server needs.</param>
public sealed class RefusedServerException(string reason) : AuthenticationException(reason);
