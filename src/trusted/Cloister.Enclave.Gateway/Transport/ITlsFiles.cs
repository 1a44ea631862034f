using Cloister.Enclave.Base;

namespace Cloister.Enclave.Gateway.Transport;

/// <summary>PEM files that may change while the gateway runs. secrets: see <see cref="TlsFiles{T}"/>.</summary>
internal interface ITlsFiles
{
    /// <summary>Their name in the configuration.</summary>
    string Field { get; }

    /// <summary>Takes them up if they changed, and have stood unchanged since the last look.</summary>
    /// <returns>True when new ones are in use now.</returns>
    /// <exception cref="StartException">The new ones are no good: the old stay. Said once for each change.</exception>
    bool Look();
}
