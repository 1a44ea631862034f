namespace Cloister.Enclave.Custody.Values;

/// <summary>The place of the seed that writes under one KEK use. secrets: the seed.</summary>
/// <param name="kek">Name of the KEK, as a rule gave it; null for the default KEK.</param>
/// <param name="custody">Wraps the seed; not owned.</param>
internal sealed class WriteSlot(string? kek, ICustody custody)
{
    private volatile WriteSeed? _current;

    internal ICustody Custody { get; } = custody;

    /// <summary>One seed is made at a time.</summary>
    internal SemaphoreSlim Renewal { get; } = new(1);

    /// <summary>The seed of this moment. Written by one at a time.</summary>
    internal WriteSeed? Current
    {
        get => _current;
        set => _current = value;
    }

    /// <summary>What writes come to now; a reason names the KEK when it is not the default one.</summary>
    internal CustodyStatus Status
    {
        get
        {
            CustodyStatus status = Custody.Status;
            return status.KeyId is null && kek is not null
                ? status with { Healthz = $"KEK {kek}, which gateway.keks names for this namespace: {status.Healthz}" }
                : status;
        }
    }

    internal void Wipe()
    {
        _current?.Seed.Dispose();
        _current = null;
    }
}
