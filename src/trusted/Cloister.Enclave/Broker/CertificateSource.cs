namespace Cloister.Enclave.Broker;

/// <summary>The lease of a custody, as far as a serving certificate needs it. secrets: the lease's token.</summary>
public sealed class CertificateSource
{
    private readonly LeaseManager _leases;

    internal CertificateSource(BrokerSession session, LeaseManager leases)
    {
        Session = session;
        _leases = leases;
    }

    internal BrokerSession Session { get; }

    /// <summary>The lease of this moment, or null.</summary>
    internal HeldLease? Lease => _leases.Current;

    /// <summary>Why there is no lease.</summary>
    internal string Problem => _leases.Problem.Healthz;

    /// <summary>Says what became of a request for a certificate; a revocation wipes KEKs at once.</summary>
    /// <param name="failure">What the broker said, or null when it issued one.</param>
    internal void Answered(BrokerException? failure)
    {
        _leases.CertificateFailure = failure;
        if (failure is not null)
        {
            _leases.OnBrokerError(failure);
        }
    }
}
