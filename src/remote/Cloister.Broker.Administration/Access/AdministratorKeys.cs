using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Cloister.Broker.State.Audit;
using Cloister.Broker.State.Requests;

namespace Cloister.Broker.Administration;

/// <summary>
/// Until when administrators' keys count: at most 400 days, and no longer than the first certificate says that is shown with one. The state remembers it, so that a new
/// certificate around an old key is no new key. Thread-safe. secrets: none.
/// </summary>
public sealed class AdministratorKeys(IAdministratorKeys state, TimeProvider time)
{
    /// <summary>The longest that a certificate may be valid.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(400);

    /// <summary>How long before its end there are warnings.</summary>
    public static readonly TimeSpan Warning = TimeSpan.FromDays(30);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _ends = new(StringComparer.Ordinal);

    /// <summary>Refuses a certificate whose time is over, or too long.</summary>
    /// <returns>When the key ends.</returns>
    /// <exception cref="ExpiredAdministratorException">It does not count; the message says what to do.</exception>
    public async Task<DateTimeOffset> RequireAsync(Administrator by, X509Certificate2 certificate, CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        (DateTimeOffset from, DateTimeOffset to) = (certificate.NotBefore.ToUniversalTime(), certificate.NotAfter.ToUniversalTime());
        if (now < from || to - from > Longest)
        {
            throw new ExpiredAdministratorException(
                now < from ? $"the certificate of {by.Name} is valid from {Day(from)} on" : $"the certificate of {by.Name} is valid for more than {Longest.TotalDays} days: {Remedy}");
        }

        string pin = AdministratorDirectory.PinOf(certificate);
        if (!_ends.TryGetValue(pin, out DateTimeOffset end))
        {
            end = await state.KeepAdministratorKeyAsync(pin, to, cancellation, () => new AuditEvent("administrator.key", new JsonObject
            {
                ["by"] = by.Name, ["key"] = pin, ["expiresAt"] = to.ToUnixTimeMilliseconds(),
            }));
            _ends[pin] = end;
        }

        DateTimeOffset last = to < end ? to : end;
        return now < last ? last : throw new ExpiredAdministratorException($"the key of {by.Name} was valid until {Day(last)}: {Remedy}");
    }

    private const string Remedy = "make a new key with 'cloister admin keygen', and have its pin put into the broker's configuration";

    private static string Day(DateTimeOffset at) => at.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}

/// <summary>An administrator's certificate that does not count. The message says what to do.</summary>
public sealed class ExpiredAdministratorException(string message) : Exception(message);
