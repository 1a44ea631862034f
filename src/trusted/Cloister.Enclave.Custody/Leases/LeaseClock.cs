namespace Cloister.Enclave.Custody.Leases;

/// <summary>Where the time of a lease begins. secrets: none.</summary>
/// <param name="Time">The broker's time then, milliseconds since 1970.</param>
/// <param name="Timestamp">The enclave's timestamp then.</param>
internal readonly record struct LeaseClock(long Time, long Timestamp);
