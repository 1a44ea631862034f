namespace Cloister.Enclave.Broker;

/// <summary>The lease of a custody, as far as a serving certificate needs it. secrets: the lease's token.</summary>
public sealed class CertificateSource
{
    private readonly LeaseKeeper _keeper;

    internal CertificateSource(BrokerSession session, LeaseKeeper keeper)
    {
        Session = session;
        _keeper = keeper;
    }

    internal BrokerSession Session { get; }

    /// <summary>The lease of this moment, or null.</summary>
    internal HeldLease? Lease => _keeper.Current;

    /// <summary>Why there is no lease.</summary>
    internal string Problem => _keeper.Problem.Healthz;

    /// <summary>Says what became of a request for a certificate; a revocation wipes KEKs at once.</summary>
    /// <param name="failure">What the broker said, or null when it issued one.</param>
    internal void Answered(BrokerException? failure)
    {
        _keeper.CertificateFailure = failure;
        if (failure is not null)
        {
            _keeper.Heard(failure);
        }
    }
}
