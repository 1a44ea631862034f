using Cloister.Broker.Tokens;

namespace Cloister.Broker.Host.Hosting;

/// <summary>
/// Takes up keys of the authority that were rotated elsewhere. A key of tokens is accepted at once and signs a round later, when other brokers
/// accept it too. secrets: as the keys.
/// </summary>
internal sealed class AuthorityWatch : IAsyncDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(3);

    private readonly AuthorityKeys _keys;
    private readonly BrokerAuthority _authority;
    private readonly IReadOnlyList<ServerCertificate> _certificates;
    private readonly BrokerLog _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _work;
    private string _version;

    /// <summary>Begins.</summary>
    public AuthorityWatch(AuthorityKeys keys, string version, BrokerAuthority authority, IReadOnlyList<ServerCertificate> certificates, BrokerLog log)
    {
        (_keys, _version, _authority, _certificates, _log) = (keys, version, authority, certificates, log);
        _work = RunAsync();
    }

    /// <summary>Ends.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _work;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        using PeriodicTimer timer = new(Interval);
        AuthorityKeySet? next = null;
        bool failed = false;
        try
        {
            while (await timer.WaitForNextTickAsync(_stop.Token))
            {
                try
                {
                    next = await LookAsync(next);
                    failed = false;
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    // Whatever it is: the keys of before go on. Told once.
                    if (!failed)
                    {
                        _log.BackgroundFailed("taking up rotated keys", e.Message);
                    }

                    failed = true;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopping.
        }
    }

    private async Task<AuthorityKeySet?> LookAsync(AuthorityKeySet? next)
    {
        if (next is not null)
        {
            _authority.Replace(next);
        }

        string version = await _keys.VersionAsync(_stop.Token);
        if (version == _version)
        {
            return null;
        }

        AuthorityKeySet taken = await _keys.OpenAsync(_stop.Token);
        string signing = _authority.Keys.Tokens[0].KeyId;
        SigningKey[] before = [.. taken.Tokens.OrderByDescending(key => key.KeyId == signing)];
        bool hasBefore = before[0].KeyId == signing && taken.Tokens[0].KeyId != signing;
        _authority.Replace(hasBefore ? taken.With(before) : taken);
        _version = version;
        foreach (ServerCertificate certificate in _certificates)
        {
            certificate.RenewIfDue();
        }

        _log.KeysTakenUp(_authority.Pin);
        return hasBefore ? taken : null;
    }
}
