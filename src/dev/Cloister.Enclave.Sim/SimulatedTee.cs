using System.Security.Cryptography;
using Cloister.Enclave.Broker;
using Cloister.Enclave.Custody;
using Cloister.Enclave.Hosting;
using Cloister.Enclave.Keys.Memory;

namespace Cloister.Enclave.Sim;

/// <summary>No TEE: a file stands for the platform's sealing key, a vendor of our own for the platform's.</summary>
internal sealed class SimulatedTee : ITee, ISealer
{
    private readonly SimulationOptions _options;

    internal SimulatedTee(SimulationOptions options)
    {
        _options = options;
    }

    public string Name => "simulated";

    public bool IsSimulated => true;

    public ISealer? Sealer => _options.SealingKeyFile is null ? null : this;

    public IEvidenceSource? Evidence => _options.VendorDirectory is { } directory ? new SimulatedEvidence(_options, directory) : null;

    public string Description => "simulated sealing, key in a file";

    public SecretKey SealingKey(SecretArena arena)
    {
        string path = _options.SealingKeyFile!;
        try
        {
            if (!File.Exists(path))
            {
                // The KEKs of namespaces are sealed at the same time: all under one key.
                PrivateFile.Create(path, RandomNumberGenerator.GetBytes(SecretKey.Size), replace: false);
            }

            // Waits where the path is a pipe: that is a platform that does not answer.
            byte[] key = File.ReadAllBytes(path);
            return key.Length == SecretKey.Size
                ? SecretKey.TakeOver(arena, key)
                : throw new SealException($"{path} has {key.Length} bytes, {SecretKey.Size} are expected");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new SealException($"the simulated sealing key {path} cannot be read or made: check that its folder exists and belongs to this user", isTransient: true);
        }
    }
}
