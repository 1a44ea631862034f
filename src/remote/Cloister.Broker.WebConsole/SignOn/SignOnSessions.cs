using System.Collections.Concurrent;
using System.Security.Claims;
using System.Security.Cryptography;
using Cloister.Broker.Administration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;

namespace Cloister.Broker.WebConsole.SignOn;

/// <summary>
/// Sessions of who signed on, in memory: a cookie names one and says nothing else, so what is ended here is over, whoever kept the cookie. Thread-safe.
/// secrets: names of sessions.
/// </summary>
internal sealed class SignOnSessions(TimeProvider time) : ITicketStore
{
    internal const string SessionClaim = "session";
    private const string IssuerClaim = "iss";
    private const string SubjectClaim = "sub";
    private const string RoleClaim = "role";

    // Who has so many at once is not a person; the oldest give way.
    private const int Most = 1000;

    private readonly ConcurrentDictionary<string, AuthenticationTicket> _sessions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<object, Action> _watchers = new();

    /// <summary>A new session for a person.</summary>
    internal static ClaimsPrincipal Of(ProviderSubject person, AdministratorRole roles) => new(new ClaimsIdentity(
    [
        new Claim(SessionClaim, RandomNumberGenerator.GetHexString(64, lowercase: true)), new Claim(IssuerClaim, person.Issuer), new Claim(SubjectClaim, person.Subject),
        .. AdministratorRoles.NamesOf(roles).Select(role => new Claim(RoleClaim, role)),
    ], "OpenID Connect"));

    /// <summary>Whose session it is.</summary>
    internal static Administrator PersonOf(ClaimsPrincipal session)
    {
        ProviderSubject person = new(session.FindFirstValue(IssuerClaim)!, session.FindFirstValue(SubjectClaim)!);
        AdministratorRole roles = session.FindAll(RoleClaim).Aggregate(
            AdministratorRole.None, (all, claim) => AdministratorRoles.TryParse(claim.Value, out AdministratorRole role) ? all | role : all);
        return new Administrator(person.Name, roles) { SignedOn = person };
    }

    /// <summary>Whether a session goes on.</summary>
    internal bool Has(string session) => _sessions.TryGetValue(session, out AuthenticationTicket? ticket) && IsInTime(ticket);

    /// <summary>Ends all.</summary>
    internal void Clear()
    {
        _sessions.Clear();
        Tell();
    }

    /// <summary>Calls back when sessions have ended, until the answer is disposed.</summary>
    internal IDisposable Watch(Action changed)
    {
        Watching watching = new(_watchers);
        _watchers[watching] = changed;
        return watching;
    }

    public Task<string> StoreAsync(AuthenticationTicket ticket)
    {
        // A person's earlier sessions end: what they were allowed then is not what the provider says now.
        string name = PersonOf(ticket.Principal).Name;
        foreach ((string key, AuthenticationTicket other) in _sessions)
        {
            if (!IsInTime(other) || PersonOf(other.Principal).Name == name)
            {
                _sessions.TryRemove(key, out _);
            }
        }

        foreach (string oldest in _sessions.OrderBy(one => one.Value.Properties.IssuedUtc).Take(_sessions.Count - Most + 1).Select(one => one.Key))
        {
            _sessions.TryRemove(oldest, out _);
        }

        string session = ticket.Principal.FindFirstValue(SessionClaim)!;
        _sessions[session] = ticket;
        Tell();
        return Task.FromResult(session);
    }

    // Nothing makes a session longer.
    public Task RenewAsync(string key, AuthenticationTicket ticket) => Task.CompletedTask;

    public Task<AuthenticationTicket?> RetrieveAsync(string key) =>
        Task.FromResult(_sessions.TryGetValue(key, out AuthenticationTicket? ticket) && IsInTime(ticket) ? ticket : null);

    public Task RemoveAsync(string key)
    {
        _sessions.TryRemove(key, out _);
        Tell();
        return Task.CompletedTask;
    }

    private bool IsInTime(AuthenticationTicket ticket) => ticket.Properties.ExpiresUtc is { } end && time.GetUtcNow() < end;

    private void Tell()
    {
        foreach (Action watcher in _watchers.Values)
        {
            watcher();
        }
    }

    private sealed class Watching(ConcurrentDictionary<object, Action> watchers) : IDisposable
    {
        public void Dispose() => watchers.TryRemove(this, out _);
    }
}
