namespace Cloister.Attestation.Claims;

/// <summary>Status of an Intel platform's trusted computing base, by the names of the PCS API (TCB info, <c>tcbStatus</c>) and of Intel's quote verification library.</summary>
public enum TcbStatus
{
    /// <summary>All known updates are applied.</summary>
    UpToDate,

    /// <summary>Up to date, but software in the enclave must be hardened.</summary>
    SWHardeningNeeded,

    /// <summary>Up to date, but the platform's configuration must be changed.</summary>
    ConfigurationNeeded,

    /// <summary>Both of the above.</summary>
    ConfigurationAndSWHardeningNeeded,

    /// <summary>Updates are missing.</summary>
    OutOfDate,

    /// <summary>Updates are missing and the configuration must be changed.</summary>
    OutOfDateConfigurationNeeded,

    /// <summary>The platform is up to date; the trust domain was launched before that and should be launched again.</summary>
    TDRelaunchAdvised,

    /// <summary>As <see cref="TDRelaunchAdvised"/>, and the configuration must be changed.</summary>
    TDRelaunchAdvisedConfigurationNeeded,

    /// <summary>The keys of this level are revoked. No policy can accept it.</summary>
    Revoked,
}
