using Cloister.Contracts.Envelope;
using Cloister.Enclave.Base;

namespace Cloister.Enclave.Keys.Envelope;

/// <summary>What is said of EDEKs that do not open. secrets: none.</summary>
public static class EdekFailure
{
    /// <summary>The one answer to everything that does not authenticate: another cluster, provider or key, or changed bytes.</summary>
    internal static FailureException NotAuthentic() => new(
        FailureKind.Invalid,
        "the ciphertext does not open: it was made for another cluster, provider or KEK, or it was changed; check that cluster and provider in the enclave's configuration are those it was written with");

    /// <summary>An EDEK that another custody wrote.</summary>
    public static FailureException WrongSuite(EdekSuite suite, string custody) => new(
        FailureKind.Invalid,
        $"the EDEK is of suite {(int)suite}, which custody {custody} does not open; it was written under another custody");
}
