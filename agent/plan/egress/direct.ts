import type { Dial, SingBoxObject } from './dial';

export function directOutbound(dial: Dial, tag = 'out'): SingBoxObject {
  return { type: 'direct', tag, netns: dial.netns, routing_mark: dial.routingMark, ...dial.fields };
}
