using Cloister.Broker.State.Audit;

namespace Cloister.Broker.State.Requests;

/// <summary>Until when keys of administrators count. secrets: none.</summary>
public interface IAdministratorKeys
{
    /// <summary>Keeps until when a key counts, the first time that it is shown.</summary>
    /// <param name="pin">The key's pin.</param>
    /// <param name="expiresAt">The end that its certificate says.</param>
    /// <param name="cancellation">Stops waiting.</param>
    /// <param name="log">What the audit log says the first time, in the same transaction.</param>
    /// <returns>The end that was kept then.</returns>
    Task<DateTimeOffset> KeepAdministratorKeyAsync(string pin, DateTimeOffset expiresAt, CancellationToken cancellation, Func<AuditEvent>? log = null);

    /// <summary>Every key that was shown, by its pin, with the end that was kept.</summary>
    Task<IReadOnlyDictionary<string, DateTimeOffset>> ListAdministratorKeysAsync(CancellationToken cancellation);
}
