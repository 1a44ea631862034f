using Cloister.AdminApi;

namespace Cloister.Cli.Etcd.Rotate;

/// <summary>Where KEK versions come from and go: one implementation for each way in which enclaves get their KEKs.</summary>
internal interface IKekRotation
{
    /// <summary>Makes a new version the one that writes use, on every node.</summary>
    /// <returns>Its key_id, or null when it shows only in what the nodes say.</returns>
    /// <exception cref="CliException">It cannot be done; the message says how far it went.</exception>
    Task<string?> AdvanceAsync(CancellationToken cancellation);

    /// <summary>Removes an old version from every node.</summary>
    /// <param name="keyId">Its key_id.</param>
    /// <param name="scan">The scan that found nothing which needs it, for the audit log.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="CliException">It cannot be done here.</exception>
    Task RetireAsync(string keyId, KekScanRecord scan, CancellationToken cancellation);

    /// <summary>What a person does to retire it later.</summary>
    string HowToRetire(string keyId);
}
