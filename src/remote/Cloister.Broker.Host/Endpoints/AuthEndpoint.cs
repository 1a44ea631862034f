using Cloister.Broker.Host.Serving;
using Cloister.Broker.Tokens;
using Cloister.Kbs;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Cloister.Broker.Host.Endpoints;

/// <summary>Challenge.</summary>
internal sealed class AuthEndpoint(ChallengeService challenges) : Endpoint(HttpMethods.Post, KbsPaths.Auth, isKbs: true)
{
    private const int MaxBodySize = 16 * 1024;

    /// <inheritdoc />
    public override async Task ServeAsync(HttpContext http)
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit)
        {
            limit.MaxRequestBodySize = MaxBodySize;
        }

        (string session, Challenge challenge) = challenges.Give(await http.ReadAsync(KbsJson.Default.AuthRequest));
        http.Response.Headers.SetCookie = SessionCookie(session);
        await http.WriteAsync(challenge, KbsJson.Default.Challenge);
    }

    // As long as a token that is got at the last moment of the challenge.
    internal static string SessionCookie(string session) =>
        $"{KbsPaths.SessionCookie}={session}; Path=/kbs; Max-Age={60 + (int)TokenIssuer.Lifetime.TotalSeconds}; Secure; HttpOnly; SameSite=Strict";
}
