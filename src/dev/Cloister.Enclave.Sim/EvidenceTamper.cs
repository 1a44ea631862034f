namespace Cloister.Enclave.Sim;

/// <summary>What is wrong with the evidence of a simulated enclave, on purpose: to show that it is refused.</summary>
internal enum EvidenceTamper
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>One bit of the quote's signature is changed.</summary>
    QuoteSignature,

    /// <summary>The quote covers other report data than it was asked for.</summary>
    ReportData,

    /// <summary>The last good quote that any enclave of the vendor directory made is given again.</summary>
    Replay,
}
