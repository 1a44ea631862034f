using Cloister.Broker.Administration;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Http;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Cloister.Broker.WebConsole.SignOn;

/// <summary>How the console speaks to a provider. Source: OpenID Connect Core 1.0, section 3.1; RFC 7636 (PKCE); RFC 9700 (best practice of OAuth 2.0).</summary>
internal static class OpenIdConnectSetup
{
    /// <summary>Where the provider sends people back to.</summary>
    internal const string Callback = WebConsoleEndpoints.Prefix + "/signed-on";

    // Between the redirect to the provider and the way back.
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    /// <summary>Fills options in: authorization code with PKCE by S256, state and nonce; nothing of a token is kept.</summary>
    internal static void Fill(OpenIdConnectOptions options, SignOnOptions signOn, OpenIdConnectEvents events)
    {
        options.SignInScheme = SignOnConsole.Session;
        options.MetadataAddress = signOn.Issuer.TrimEnd('/') + "/.well-known/openid-configuration";
        (options.ClientId, options.ClientSecret) = (signOn.ClientId, signOn.ClientSecret);
        (options.ResponseType, options.ResponseMode, options.UsePkce) = (OpenIdConnectResponseType.Code, OpenIdConnectResponseMode.Query, true);
        (options.RequireHttpsMetadata, options.SaveTokens, options.GetClaimsFromUserInfoEndpoint, options.MapInboundClaims) = (true, false, false, false);
        options.ClaimActions.Clear();
        options.Scope.Clear();
        options.Scope.Add(OpenIdConnectScope.OpenIdProfile);
        options.CallbackPath = Callback;

        // Who signs off does it with the console's own form, not by a link that somebody else can make.
        (options.RemoteSignOutPath, options.SignedOutCallbackPath) = (PathString.Empty, PathString.Empty);
        options.RemoteAuthenticationTimeout = options.ProtocolValidator.NonceLifetime = Longest;
        options.ProtocolValidator.RequireNonce = true;
        options.TokenValidationParameters = Parameters(signOn);
        options.Backchannel = OutsideHttp.Client(signOn.CaFile);
        options.Events = events;
        SignOnConsole.Harden(options.CorrelationCookie, "state.");
        SignOnConsole.Harden(options.NonceCookie, "nonce.");
    }

    private static TokenValidationParameters Parameters(SignOnOptions signOn) => new()
    {
        ValidAudience = signOn.ClientId,
        ValidAlgorithms =
        [
            SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512, SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384,
            SecurityAlgorithms.RsaSsaPssSha512, SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
        ],
        ClockSkew = TimeSpan.FromSeconds(30),
        RequireSignedTokens = true,
        RequireExpirationTime = true,

        // What the provider's own documents name beside it does not count.
        IssuerValidator = (issuer, _, _) => issuer == signOn.Issuer ? issuer : throw new SecurityTokenInvalidIssuerException("the token is of another issuer than the configuration names"),
    };
}
