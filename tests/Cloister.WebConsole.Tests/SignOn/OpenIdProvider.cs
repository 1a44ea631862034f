using System.Collections.Concurrent;
using System.Net;
using System.Security.Claims;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using OpenIddict.Abstractions;
using static OpenIddict.Server.OpenIddictServerEvents;

namespace Cloister.WebConsole.Tests.SignOn;

/// <summary>
/// An OpenID provider: OpenIddict's server, on a port of its own. It takes whoever comes for the one person that the test says; what it signs can be replaced, as a
/// provider that lies, or somebody on the way to it, would.
/// </summary>
internal sealed class OpenIdProvider : IAsyncDisposable
{
    internal const string ClientId = "cloister-console";
    internal const string Secret = "planted-client-secret";

    private readonly RSA _key = RSA.Create(2048);
    private readonly ConcurrentDictionary<string, bool> _codes = new();
    private readonly X509Certificate2 _certificate = Certificates.OfLoopback();
    private WebApplication? _host;

    private OpenIdProvider(int port) => Issuer = $"https://127.0.0.1:{port}/";

    /// <summary>As its tokens name it.</summary>
    internal string Issuer { get; }

    /// <summary>Who signs on.</summary>
    internal string Subject { get; set; } = "248289761001";

    /// <summary>What the claim <c>groups</c> holds.</summary>
    internal IReadOnlyList<string> Groups { get; set; } = [];

    /// <summary>What takes an ID token's place; given are what it says and the key that signs.</summary>
    internal Func<JsonObject, RsaSecurityKey, string>? Forge { get; set; }

    /// <summary>What a console wanted, each time.</summary>
    internal ConcurrentQueue<OpenIddictRequest> Asked { get; } = new();

    /// <summary>What was exchanged for a token, each time.</summary>
    internal ConcurrentQueue<OpenIddictRequest> Exchanged { get; } = new();

    /// <summary>Starts one.</summary>
    /// <param name="redirect">Where it sends people back to.</param>
    internal static async Task<OpenIdProvider> StartAsync(Uri redirect)
    {
        OpenIdProvider provider = new(Certificates.FreePort());
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, new Uri(provider.Issuer).Port, listener => listener.UseHttps(provider._certificate)));
        builder.Services.AddAuthentication();
        builder.Services.AddOpenIddict().AddServer(options =>
        {
            options.SetIssuer(new Uri(provider.Issuer)).SetAuthorizationEndpointUris("authorize").SetTokenEndpointUris("token");
            options.AllowAuthorizationCodeFlow().RequireProofKeyForCodeExchange().RegisterScopes("profile");
            options.AddSigningKey(new RsaSecurityKey(provider._key)).AddEphemeralEncryptionKey().EnableDegradedMode().UseAspNetCore();
            options.AddEventHandler<ValidateAuthorizationRequestContext>(handler => handler.UseInlineHandler(context =>
            {
                if (context.ClientId != ClientId || context.RedirectUri != redirect.ToString())
                {
                    context.Reject("invalid_request", "no such client, or not its address");
                }

                return default;
            }));
            options.AddEventHandler<HandleAuthorizationRequestContext>(handler => handler.UseInlineHandler(provider.AuthorizeAsync));
            options.AddEventHandler<ValidateTokenRequestContext>(handler => handler.UseInlineHandler(provider.CheckAsync));
            options.AddEventHandler<ApplyTokenResponseContext>(handler => handler.UseInlineHandler(provider.ReplaceAsync).SetOrder(int.MinValue + 1000));
        });
        provider._host = builder.Build();
        provider._host.UseAuthentication();
        await provider._host.StartAsync(TestContext.Current.CancellationToken);
        return provider;
    }

    /// <summary>Writes the authority of its certificate into a file.</summary>
    internal string WriteAuthority(string folder)
    {
        string path = Path.Combine(folder, "provider.pem");
        File.WriteAllText(path, _certificate.ExportCertificatePem());
        return path;
    }

    public async ValueTask DisposeAsync()
    {
        await _host!.DisposeAsync();
        _certificate.Dispose();
        _key.Dispose();
    }

    private ValueTask AuthorizeAsync(HandleAuthorizationRequestContext context)
    {
        Asked.Enqueue(context.Request);
        ClaimsIdentity identity = new("provider");
        identity.AddClaim("sub", Subject);
        foreach (string group in Groups)
        {
            identity.AddClaim(new Claim("groups", group));
        }

        identity.SetScopes("openid").SetDestinations(_ => ["id_token"]);
        context.SignIn(new ClaimsPrincipal(identity));
        return default;
    }

    // A code is for once, and for who has the secret.
    private ValueTask CheckAsync(ValidateTokenRequestContext context)
    {
        Exchanged.Enqueue(context.Request);
        if (context.ClientId != ClientId || context.ClientSecret != Secret || !_codes.TryAdd(context.Request.Code!, true))
        {
            context.Reject("invalid_grant", "no such client, or the code was used");
        }

        return default;
    }

    private ValueTask ReplaceAsync(ApplyTokenResponseContext context)
    {
        if (Forge is { } forge && context.Response.IdToken is { } token)
        {
            JsonObject said = JsonNode.Parse(Base64UrlEncoder.Decode(new JsonWebToken(token).EncodedPayload))!.AsObject();
            context.Response.IdToken = forge(said, new RsaSecurityKey(_key) { KeyId = new JsonWebToken(token).Kid });
        }

        return default;
    }
}
