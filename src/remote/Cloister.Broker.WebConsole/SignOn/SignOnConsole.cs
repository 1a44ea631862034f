using System.Security.Claims;
using Cloister.AdminApi;
using Cloister.Broker.Administration;
using Cloister.Broker.Administration.Endpoints;
using Cloister.Broker.State;
using Cloister.Broker.State.Audit;
using Cloister.Broker.WebConsole.Pages;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Primitives;

namespace Cloister.Broker.WebConsole.SignOn;

/// <summary>
/// The console for people who sign on at an OpenID provider, on a listener of its own that has nothing else: who they are is the issuer and subject of a
/// token, what they may do a claim of it, for as long as a session lasts. Thread-safe. secrets: the client's, sessions, and what their cookies are made with, in memory.
/// </summary>
public sealed class SignOnConsole
{
    internal const string Session = "session";
    internal const string Provider = "provider";
    internal const string SignOffPath = "/sign-off";
    private const string SignedOffPath = "/signed-off";
    private const string CookiePrefix = "__Host-cloister-";
    private const int MostDetail = 300;

    // Anybody who reaches the listener can fail.
    private const int MostLinesAMinute = 20;

    private readonly AdministrationServices _services;
    private readonly SignOnOptions _options;
    private readonly Action<string> _failed;
    private readonly SignOnSessions _sessions;
    private readonly Lock _lock = new();
    private volatile IReadOnlyList<SignOnRole> _roles;
    private (long Minute, int Lines) _logged;

    /// <summary>A console.</summary>
    /// <param name="services">The broker.</param>
    /// <param name="options">The provider.</param>
    /// <param name="failed">Is told why somebody could not sign on, in one line.</param>
    public SignOnConsole(AdministrationServices services, SignOnOptions options, Action<string> failed)
    {
        (_services, _options, _roles, _sessions) = (services, options, options.Roles, new SignOnSessions(services.Time));
        _failed = detail =>
        {
            if (MayLog())
            {
                failed(Text.Plain(detail.Length > MostDetail ? detail[..MostDetail] + "…" : detail));
            }
        };
    }

    /// <summary>Where a form signs off.</summary>
    internal static string SignOff => WebConsoleEndpoints.Prefix + SignOffPath;

    /// <summary>What the listener's application needs.</summary>
    public void AddTo(IServiceCollection application)
    {
        application.AddAuthentication(authentication => authentication.DefaultScheme = Session)
            .AddCookie(Session, cookie =>
            {
                cookie.SessionStore = _sessions;
                cookie.TimeProvider = _services.Time;
                cookie.SlidingExpiration = false;
                Harden(cookie.Cookie, Session);
            })
            .AddOpenIdConnect(Provider, options => OpenIdConnectSetup.Fill(options, _options, new OpenIdConnectEvents
            {
                OnRedirectToIdentityProvider = GoAsync, OnTokenValidated = KnowAsync, OnTicketReceived = AdmitAsync, OnRemoteFailure = RefuseAsync,
            }));

        // Cookies are read by this process alone: their keys are not kept, and nothing looks for any.
        application.AddDataProtection().UseEphemeralDataProtectionProvider();
        foreach (ServiceDescriptor keeper in application.Where(one => one.ServiceType == typeof(IHostedService) && one.ImplementationType?.Assembly == typeof(DataProtectionBuilderExtensions).Assembly).ToArray())
        {
            application.Remove(keeper);
        }
    }

    /// <summary>Maps every page.</summary>
    public void Map(WebApplication application)
    {
        application.Use((http, next) =>
        {
            ConsoleRoutes.Restrain(http);
            if (http.Request.Path == OpenIdConnectSetup.Callback)
            {
                // A session begins new: never is one that a browser brings along given to who signs on now.
                http.Request.Headers.Cookie = new StringValues([.. http.Request.Headers.Cookie.SelectMany(line => line!.Split(';', StringSplitOptions.TrimEntries)).Where(one => !one.StartsWith(CookiePrefix + Session, StringComparison.Ordinal))]);
            }

            return next(http);
        });
        application.UseAuthentication();
        ConsoleRoutes routes = new(application, _services, new SignedOnPersons(_sessions, _failed));
        routes.Act(SignOffPath, async call =>
        {
            await call.Http.SignOutAsync(Session);
            await LogAsync("administrator.signed-off", call.By);
            return SignedOffPath;
        });
        routes.Open<SignedOff>(SignedOffPath);
        WebConsoleEndpoints.Map(routes, _services);
    }

    /// <summary>Other roles from now on; who has signed on has to again.</summary>
    /// <param name="roles">What values of the claim give; none: nobody signs on.</param>
    public void Replace(IReadOnlyList<SignOnRole> roles)
    {
        _roles = roles;
        _sessions.Clear();
    }

    internal static void Harden(CookieBuilder cookie, string name)
    {
        (cookie.Name, cookie.Path, cookie.Domain) = (CookiePrefix + name, "/", null);
        (cookie.SecurePolicy, cookie.HttpOnly, cookie.SameSite) = (CookieSecurePolicy.Always, true, SameSiteMode.Lax);
    }

    // A provider that calls itself something else is another one, and what a request says of its host is not where people come back to.
    private async Task GoAsync(RedirectContext context)
    {
        string issuer = (await context.Options.ConfigurationManager!.GetConfigurationAsync(context.HttpContext.RequestAborted)).Issuer;
        if (issuer != _options.Issuer)
        {
            throw new InvalidOperationException($"the provider calls itself {issuer}, not {_options.Issuer} as admin.console.signOn.issuer says");
        }

        context.ProtocolMessage.RedirectUri = new Uri(_options.Url, OpenIdConnectSetup.Callback).ToString();
    }

    // Nothing of the token stays but who, and what that gives.
    private Task KnowAsync(TokenValidatedContext context)
    {
        ClaimsPrincipal token = context.Principal!;
        string subject = token.FindFirstValue("sub") ?? "";
        SignOnRole[] given = [.. _roles.Where(role => token.FindAll(_options.RoleClaim).Any(claim => claim.Value == role.Value))];
        if (subject.Length is 0 or > 255)
        {
            context.Fail(new SignOnRefusedException("the provider's token names no subject of 1 to 255 characters"));
        }
        else if (given.Length == 0)
        {
            context.Fail(new SignOnRefusedException($"{subject} at {_options.Issuer} has no value in the claim {_options.RoleClaim} that gives anything here: the broker's configuration says which do"));
        }
        else
        {
            context.Principal = SignOnSessions.Of(new ProviderSubject(_options.Issuer, subject), given.Aggregate(AdministratorRole.None, (all, one) => all | one.Roles));
        }

        return Task.CompletedTask;
    }

    // The last step: state, code, token and nonce have been checked. Nobody is in before it is in the audit log.
    private async Task AdmitAsync(TicketReceivedContext context)
    {
        AuthenticationProperties properties = context.Properties!;
        properties.IssuedUtc = _services.Time.GetUtcNow();
        properties.ExpiresUtc = properties.IssuedUtc + _options.SessionLifetime;
        (properties.IsPersistent, properties.AllowRefresh) = (false, false);
        try
        {
            await LogAsync("administrator.signed-on", SignOnSessions.PersonOf(context.Principal!));
        }
        catch (BrokerStateException e)
        {
            context.HandleResponse();
            await AnswerAsync(context.HttpContext, StatusCodes.Status503ServiceUnavailable, AdminErrors.Unavailable, e.Message);
        }
    }

    private async Task RefuseAsync(RemoteFailureContext context)
    {
        context.HandleResponse();
        _failed(context.Failure is SignOnRefusedException ? context.Failure.Message : $"{context.Failure?.GetType().Name}: {context.Failure?.Message}");
        await AnswerAsync(
            context.HttpContext, StatusCodes.Status403Forbidden, AdminErrors.RoleRequired,
            context.Failure is SignOnRefusedException refused ? refused.Message : "signing on did not succeed: the broker's log says why. Begin again with the overview");
    }

    private bool MayLog()
    {
        long minute = Environment.TickCount64 / 60_000;
        lock (_lock)
        {
            _logged = _logged.Minute == minute ? (minute, _logged.Lines + 1) : (minute, 1);
            return _logged.Lines <= MostLinesAMinute;
        }
    }

    private static Task AnswerAsync(HttpContext http, int status, string error, string detail)
    {
        http.Response.StatusCode = status;
        return ConsoleRoutes.RefuseAsync(http, status, new AdminError(error, detail));
    }

    private async Task LogAsync(string kind, Administrator by) => await _services.State.AppendAsync(new AuditEvent(kind, new()
    {
        ["by"] = by.Name, ["issuer"] = by.SignedOn!.Issuer, ["subject"] = by.SignedOn.Subject, ["roles"] = string.Join(' ', AdministratorRoles.NamesOf(by.Roles)),
    }), CancellationToken.None);
}

/// <summary>Who a provider vouches for, and who is nobody here. The message is for them.</summary>
internal sealed class SignOnRefusedException(string message) : Exception(message);
