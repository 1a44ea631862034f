using System.Security.Cryptography;
using Cloister.Broker.Administration;
using Microsoft.AspNetCore.DataProtection;

namespace Cloister.Broker.WebConsole;

/// <summary>
/// Tokens in the console's forms: each is for one key of an administrator, or one session, and one act, and good for an hour. The key that they are made with is this object's,
/// in memory: a form of before a start, or of another broker, is not taken. Thread-safe. secrets: the key, and tokens, which say nothing.
/// </summary>
internal sealed class FormTokens
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly EphemeralDataProtectionProvider _keys = new();

    /// <summary>A token.</summary>
    /// <param name="holder">The key of the administrator, or their session.</param>
    /// <param name="action">The path that the form is sent to, as a link has it.</param>
    internal string Make(string holder, string action) => For(holder, Uri.UnescapeDataString(action)).Protect("", Lifetime);

    /// <summary>Refuses a form that is not of a page that was given to this key or session for this act.</summary>
    /// <param name="holder">The key of the administrator, or their session.</param>
    /// <param name="action">The path that it was sent to, as it was understood.</param>
    /// <param name="token">The token.</param>
    /// <exception cref="AdministrationException">It is not.</exception>
    internal void Require(string holder, string action, string token)
    {
        try
        {
            For(holder, action).Unprotect(token);
        }
        catch (CryptographicException)
        {
            throw new AdministrationException("the form is older than an hour, of another key or session, or of before the broker started: nothing was done. Open its page again", AdministrationFailure.BadRequest);
        }
    }

    private ITimeLimitedDataProtector For(string holder, string action) => _keys.CreateProtector("Cloister console form", holder, action).ToTimeLimitedDataProtector();
}
