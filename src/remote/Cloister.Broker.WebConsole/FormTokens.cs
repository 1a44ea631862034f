using System.Security.Cryptography;
using Cloister.Broker.Administration;
using Microsoft.AspNetCore.DataProtection;

namespace Cloister.Broker.WebConsole;

/// <summary>
/// Tokens in the console's forms: each is for one key of an administrator and one act, and good for an hour. The key that they are made with is this object's,
/// in memory: a form of before a start, or of another broker, is not taken. Thread-safe. secrets: the key, and tokens, which say nothing.
/// </summary>
internal sealed class FormTokens
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    private readonly EphemeralDataProtectionProvider _keys = new();

    /// <summary>A token.</summary>
    /// <param name="pin">The pin of the administrator's key.</param>
    /// <param name="action">The path that the form is sent to, as a link has it.</param>
    internal string Make(string pin, string action) => For(pin, Uri.UnescapeDataString(action)).Protect("", Lifetime);

    /// <summary>Refuses a form that is not of a page that was given to this key for this act.</summary>
    /// <param name="pin">The pin of the administrator's key.</param>
    /// <param name="action">The path that it was sent to, as it was understood.</param>
    /// <param name="token">The token.</param>
    /// <exception cref="AdministrationException">It is not.</exception>
    internal void Require(string pin, string action, string token)
    {
        try
        {
            For(pin, action).Unprotect(token);
        }
        catch (CryptographicException)
        {
            throw new AdministrationException("the form is older than an hour, of another key, or of before the broker started: nothing was done. Open its page again", AdministrationFailure.BadRequest);
        }
    }

    private ITimeLimitedDataProtector For(string pin, string action) => _keys.CreateProtector("Cloister console form", pin, action).ToTimeLimitedDataProtector();
}
