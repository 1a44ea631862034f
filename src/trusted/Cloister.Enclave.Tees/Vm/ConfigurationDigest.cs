using Cloister.Enclave.Base;

namespace Cloister.Enclave.Tees.Vm;

/// <summary>A digest of the configuration that the platform was started with, held against the configuration that is here. secrets: none.</summary>
internal static class ConfigurationDigest
{
    /// <param name="field">Where the platform keeps it.</param>
    /// <param name="algorithm">Which digest goes there.</param>
    /// <param name="measured">What is there; zeros for nothing.</param>
    /// <param name="actual">The digest of the configuration file.</param>
    /// <returns>What came of it, for the log.</returns>
    /// <exception cref="StartException">They differ.</exception>
    internal static string Check(string field, string algorithm, ReadOnlySpan<byte> measured, ReadOnlySpan<byte> actual)
    {
        string digest = Convert.ToHexStringLower(actual);
        if (!measured.ContainsAnyExcept((byte)0))
        {
            return $"NOT BOUND to the platform's measurement: {field} is zero. Start the VM with {field} = {digest} ({algorithm} of the file) and pin it in the broker's policy";
        }

        return measured.SequenceEqual(actual)
            ? $"bound by {field} = {digest}"
            : throw new StartException(
                $"{field} is {Convert.ToHexStringLower(measured)}, but {algorithm} of the configuration file is {digest}: "
                + "the VM was started for another configuration. Put that one back, or start the VM with the new digest and pin it in the broker's policy");
    }
}
